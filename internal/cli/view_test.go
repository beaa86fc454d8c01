package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func rawDocument(t *testing.T, doc any) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The names of the fields are a promise to programs.
func TestTaskViewFields(t *testing.T) {
	at := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	id, err := lgtask.ParseTaskID("mine")
	if err != nil {
		t.Fatal(err)
	}
	v, err := viewTask(lgtask.Task{
		ID: id, V: 1, TaskClass: "Mail", TaskName: "bob", State: lgtask.StateError, Priority: 3, TsInsert: at, TsRequest: at, TsStart: at, TsStop: at,
		Kwargs:    rawDocument(t, bson.D{{Key: "n", Value: int64(5)}, {Key: "at", Value: at}, {Key: "db", Value: "mongodb://bob:hunter2@h/db"}}),
		Processor: "p-1", Attempt: 2, MaxAttempts: 2, Crashes: 1, Progress: bson.D{{Key: "done", Value: int32(3)}, {Key: "password", Value: "hunter2"}},
		LastLog: "at mongodb://bob:hunter2@h", Errors: []lgtask.TaskError{{At: at, Attempt: 1, Text: "mongodb://bob:hunter2@h"}}, ExpireAt: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	const when = `"2026-03-29T12:00:00Z"`
	want := `{"id":"mine","v":1,"taskClass":"Mail","taskName":"bob","state":"error","priority":3,"tsInsert":` + when + `,"tsRequest":` + when +
		`,"tsStart":` + when + `,"tsStop":` + when + `,"processor":"p-1","attempt":2,"maxAttempts":2,"crashes":1,"lastLog":"at mongodb://xxxxx@h",` +
		`"errors":[{"at":` + when + `,"attempt":1,"text":"mongodb://xxxxx@h"}],"expireAt":` + when +
		`,"kwargs":{"n":5,"at":{"$date":"2026-03-29T12:00:00Z"},"db":"mongodb://xxxxx@h/db"},"progress":{"done":3,"password":"xxxxx"}}`
	if string(got) != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// A document written by hand may lack anything.
func TestTaskViewOfLittle(t *testing.T) {
	v, err := viewTask(lgtask.Task{})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := marshal(v); err != nil || !strings.Contains(string(data), `"kwargs":{}`) || strings.Contains(string(data), "progress") {
		t.Errorf("%s, %v", data, err)
	}
	if row := taskRow(lgtask.Task{}, time.Now()); len(row) != 7 {
		t.Errorf("%q", row)
	}
	if _, err := viewTask(lgtask.Task{Kwargs: bson.Raw{1, 2, 3}}); err == nil {
		t.Error("broken kwargs are shown")
	}
}

func TestMask(t *testing.T) {
	in := bson.D{{Key: "api_token", Value: "abc"}, {Key: "list", Value: bson.A{"mongodb://u:p@h", int64(1), bson.D{{Key: "pwd", Value: "x"}}}},
		{Key: "mongodb://u:p@h", Value: true}}
	raw, err := kwargsJSON(rawDocument(t, in))
	want := `{"api_token":"xxxxx","list":["mongodb://xxxxx@h",1,{"pwd":"xxxxx"}],"mongodb://xxxxx@h":true}`
	if err != nil || string(raw) != want {
		t.Errorf("%s, %v; want %s", raw, err, want)
	}
	if in[0].Value != "abc" {
		t.Error("the value itself was changed")
	}
	for _, v := range []any{int64(5), "half", nil, 0.5, bson.A{int32(1)}} {
		if raw, err := valueJSON(v); err != nil || !json.Valid(raw) {
			t.Errorf("%v: %s, %v", v, raw, err)
		}
	}
}

func TestTaskRow(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		task lgtask.Task
		want string
	}{
		{lgtask.Task{State: lgtask.StateRequest, TsRequest: now.Add(5 * time.Minute)}, "in 5m"},
		{lgtask.Task{State: lgtask.StateRequest, TsRequest: now.Add(-5 * time.Minute)}, "due 5m ago"},
		{lgtask.Task{State: lgtask.StateWorking, TsRequest: now.Add(-time.Hour), TsStart: now.Add(-12 * time.Second)}, "for 12s"},
		{lgtask.Task{State: lgtask.StateKill, TsStart: now.Add(-12 * time.Second)}, "for 12s"},
		{lgtask.Task{State: lgtask.StateSuccess, TsStart: now.Add(-time.Hour), TsStop: now.Add(-3 * time.Hour)}, "3h ago"},
		{lgtask.Task{State: lgtask.StateAborted}, "-"},
	} {
		if got := taskRow(tt.task, now)[4]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.task.State, got, tt.want)
		}
	}
	row := taskRow(lgtask.Task{TaskClass: "A\x1b[0m", LastLog: strings.Repeat("x", 100) + "\n"}, now)
	if row[1] != `A\x1b[0m` || row[6] != strings.Repeat("x", 59)+"…" {
		t.Errorf("%q", row)
	}
}
