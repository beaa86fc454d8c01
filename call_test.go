package lgtask_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func pointer[T any](v T) *T { return &v }

func TestCallIsRefused(t *testing.T) {
	for _, tt := range []struct {
		call  lgtask.Call
		kind  error
		parts []string
	}{
		{lgtask.Call{Class: "Mail"}, lgtask.ErrInvalidTask, []string{`verb ""`, "batch, create, cron, delay, interval, pause, resume, unschedule"}},
		{lgtask.Call{Verb: "drop", Class: "Mail"}, lgtask.ErrInvalidTask, []string{`"drop"`}},
		{lgtask.Call{Verb: "create"}, lgtask.ErrInvalidTask, []string{"taskClass", "empty"}},
		{lgtask.Call{Verb: "create", Class: "a b"}, lgtask.ErrInvalidTask, []string{`"a b"`, "white space"}},
		{lgtask.Call{Verb: "create", Class: "Mail", When: "now"}, lgtask.ErrInvalidTime, []string{"create has no time", `"now"`, "delay"}},
		{lgtask.Call{Verb: "create", Class: "Mail", StartAt: "now"}, lgtask.ErrInvalidTask, []string{"create has no startAt; it has kwargs"}},
		{lgtask.Call{Verb: "unschedule", Class: "Mail", Kwargs: json.RawMessage(`{}`)}, lgtask.ErrInvalidTask, []string{"unschedule has no kwargs; it has taskName"}},
		{lgtask.Call{Verb: "batch", Class: "Mail", When: "now", ID: "x"}, lgtask.ErrInvalidTask, []string{"batch has no id"}},
		{lgtask.Call{Verb: "interval", Class: "Mail", When: "1 day", MaxAttempts: pointer(2)}, lgtask.ErrInvalidTask, []string{"interval has no maxAttempts"}},
		{lgtask.Call{Verb: "cron", Class: "Mail", When: "@daily", FromStart: true}, lgtask.ErrInvalidTask, []string{"cron has no fromStart"}},
		{lgtask.Call{Verb: "delay", Class: "Mail", When: "now", Replace: true}, lgtask.ErrInvalidTask, []string{"delay has no replace"}},
		{lgtask.Call{Verb: "delay", Class: "Mail"}, lgtask.ErrInvalidTime, []string{"delay needs the due time"}},
		{lgtask.Call{Verb: "cron", Class: "Mail", When: " "}, lgtask.ErrInvalidTime, []string{"cron needs the cron spec"}},
		{lgtask.Call{Verb: "delay", Class: "Mail", When: "5 parsecs"}, lgtask.ErrInvalidTime, []string{"parsecs"}},
		{lgtask.Call{Verb: "delay", Class: "Mail", When: "2026-13-01T00:00:00Z"}, lgtask.ErrInvalidTime, []string{"2026-13-01", "RFC 3339"}},
		{lgtask.Call{Verb: "interval", Class: "Mail", When: "0.5 seconds"}, lgtask.ErrInvalidTime, []string{"at least 1 second"}},
		{lgtask.Call{Verb: "interval", Class: "Mail", When: "2026-03-29T02:30:00Z"}, lgtask.ErrInvalidTime, []string{"StartAt"}},
		{lgtask.Call{Verb: "interval", Class: "Mail", When: "1 day", StartAt: "soon"}, lgtask.ErrInvalidTime, []string{"soon"}},
		{lgtask.Call{Verb: "cron", Class: "Mail", When: "60 * * * *"}, lgtask.ErrInvalidTime, []string{"60"}},
		{lgtask.Call{Verb: "create", Class: "Mail", Priority: pointer(101)}, lgtask.ErrInvalidTask, []string{"101", "-100 to 100"}},
		{lgtask.Call{Verb: "create", Class: "Mail", MaxAttempts: pointer(0)}, lgtask.ErrInvalidTask, []string{"max attempts = 0"}},
		{lgtask.Call{Verb: "create", Class: "Mail", TaskName: pointer("a\nb")}, lgtask.ErrInvalidTask, []string{"taskName", "control"}},
		{lgtask.Call{Verb: "create", Class: "Mail", ID: strings.Repeat("x", 129)}, lgtask.ErrInvalidTask, []string{"_id", "128"}},
		{lgtask.Call{Verb: "create", Class: "Mail", Kwargs: json.RawMessage(`[1]`)}, lgtask.ErrInvalidTask, []string{"kwargs", "object"}},
	} {
		err := tt.call.Validate()
		if !errors.Is(err, tt.kind) {
			t.Errorf("%+v: %v, want %v", tt.call, err, tt.kind)
			continue
		}
		for _, part := range tt.parts {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%+v: %v does not say %q", tt.call, err, part)
			}
		}
	}
}

func TestCallJSONIsStrict(t *testing.T) {
	for text, part := range map[string]string{
		`{"verb":"create","clas":"Mail"}`:              "did you mean class?",
		`{"verb":"create","Class":"Mail"}`:             "did you mean class?",
		`{"verb":"create","kindOfThing":1}`:            "a call has verb, class",
		`{"verb":"create","class":"A","class":"B"}`:    "class is given twice",
		`{"verb":"create","class":5}`:                  "field class is a JSON number: it must be of type string",
		`{"verb":"create","class":"A","priority":"1"}`: "field priority is a JSON string: it must be of type int",
		`{"verb":"create","class":"A","priority":1.5}`: "priority",
		`["create"]`: "must be an object",
		`"create"`:   "must be an object",
	} {
		var call lgtask.Call
		if err := json.Unmarshal([]byte(text), &call); !errors.Is(err, lgtask.ErrInvalidTask) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", text, err, part)
		}
	}
	want := lgtask.Call{Verb: "interval", Class: "Mail", When: "1 day", Kwargs: json.RawMessage(`{"a":1}`), TaskName: pointer(""),
		Priority: pointer(0), MaxAttempts: pointer(3), StartAt: "now", FromStart: true, Replace: true, ID: "x"}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got lgtask.Call
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(got); err != nil || string(again) != string(data) {
		t.Errorf("%s, %v; want %s", again, err, data)
	}
	if got.TaskName == nil || got.Priority == nil {
		t.Errorf("an empty name or priority 0 is lost: %s", data)
	}
}

// stored does a call and returns the task it made or found.
func (b *bundle) stored(call lgtask.Call) (lgtask.Task, bool) {
	b.Helper()
	res, err := b.conn.Do(b.Context(), call)
	if err != nil {
		b.Fatalf("%+v: %v", call, err)
	}
	task, err := b.conn.Task(b.Context(), res.ID)
	if err != nil {
		b.Fatal(err)
	}
	return task, res.Created
}

func TestDoCreateAndDelay(t *testing.T) {
	b := setup(t)
	call := lgtask.Call{Verb: "create", Class: "Mail", Kwargs: json.RawMessage(`{"n": 5, "at": {"$date": "2026-01-02T03:04:05Z"}}`),
		TaskName: pointer("bob"), Priority: pointer(7), MaxAttempts: pointer(3), ID: "mine"}
	task, created := b.stored(call)
	if !created || task.ID.String() != "mine" || task.TaskClass != "Mail" || task.TaskName != "bob" || task.Priority != 7 || task.MaxAttempts != 3 {
		t.Errorf("%+v", task)
	}
	if n, ok := task.Kwargs.Lookup("n").Int64OK(); !ok || n != 5 {
		t.Errorf("n is %v", task.Kwargs.Lookup("n"))
	}
	if at, ok := task.Kwargs.Lookup("at").TimeOK(); !ok || !at.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("at is %v", task.Kwargs.Lookup("at"))
	}
	if again, created := b.stored(call); created || again.ID != task.ID {
		t.Errorf("repeated: %v, %v", again.ID, created)
	}
	call.Class = "Other"
	if _, err := b.conn.Do(t.Context(), call); !errors.Is(err, lgtask.ErrTaskExists) {
		t.Errorf("another class of that ID: %v", err)
	}
	later, _ := b.stored(lgtask.Call{Verb: "delay", When: "2100-01-01 00:00:00.0001", Class: "Mail"})
	if want := time.Date(2100, 1, 1, 0, 0, 0, 1e6, time.UTC); !later.TsRequest.Equal(want) {
		t.Errorf("due %v, want %v", later.TsRequest, want)
	}
	hour, _ := b.stored(lgtask.Call{Verb: "delay", When: "1 hour", Class: "Mail"})
	if d := hour.TsRequest.Sub(hour.TsInsert); d < 59*time.Minute || d > 61*time.Minute {
		t.Errorf("due in %v", d)
	}
}

func TestDoNamed(t *testing.T) {
	b := setup(t)
	first, created := b.stored(lgtask.Call{Verb: "batch", When: "1 day", Class: "Index"})
	if !created {
		t.Error("the batch is not new")
	}
	if same, created := b.stored(lgtask.Call{Verb: "batch", When: "1 hour", Class: "Index"}); created || same.ID != first.ID || !same.TsRequest.Before(first.TsRequest) {
		t.Errorf("%+v, %v", same, created)
	}
	if _, err := b.conn.Do(t.Context(), lgtask.Call{Verb: "batch", When: "now", Class: "Index", Kwargs: json.RawMessage(`{"a":1}`)}); !errors.Is(err, lgtask.ErrTaskKwargs) {
		t.Errorf("other kwargs: %v", err)
	}
	run, created := b.stored(lgtask.Call{Verb: "interval", When: "2 hours 5 minutes", Class: "Clean", StartAt: "2100-01-01T00:00:00Z", FromStart: true})
	if !created || run.TsRequest.Year() != 2100 {
		t.Errorf("%+v, %v", run, created)
	}
	if _, err := b.conn.Do(t.Context(), lgtask.Call{Verb: "interval", When: "1 hour", Class: "Clean"}); !errors.Is(err, lgtask.ErrTaskExists) {
		t.Errorf("another length: %v", err)
	}
	b.stored(lgtask.Call{Verb: "interval", When: "1 hour", Class: "Clean", Replace: true})
	b.stored(lgtask.Call{Verb: "cron", When: "CRON_TZ=Europe/Berlin 30 2 * * *", Class: "Report", TaskName: pointer("x")})
	schedules, err := b.conn.Schedules(t.Context())
	if err != nil || len(schedules) != 2 {
		t.Fatalf("%+v, %v", schedules, err)
	}
	if s := schedules[0]; s.Key != "Clean/" || s.Spec.EveryMS != 3600_000 || s.Spec.FromStart {
		t.Errorf("%+v", s)
	}
	if s := schedules[1]; s.Key != "Report/x" || s.Spec.Cron != "30 2 * * *" || s.Spec.TZ != "Europe/Berlin" {
		t.Errorf("%+v", s)
	}
	aborted, created := b.stored(lgtask.Call{Verb: "unschedule", Class: "Report", TaskName: pointer("x")})
	if created || aborted.State != lgtask.StateAborted {
		t.Errorf("%+v, %v", aborted, created)
	}
	if res, err := b.conn.Do(t.Context(), lgtask.Call{Verb: "unschedule", Class: "Nothing"}); err != nil || !res.ID.IsZero() {
		t.Errorf("%+v, %v", res, err)
	}
}

// What is invalid reaches no database.
func TestDoValidatesFirst(t *testing.T) {
	b := setup(t)
	for _, call := range []lgtask.Call{{Verb: "create"}, {Verb: "delay", When: "x", Class: "Mail"}, {Verb: "cron", When: "x", Class: "Mail"}} {
		if _, err := b.conn.Do(t.Context(), call); err == nil {
			t.Errorf("%+v: no error", call)
		}
	}
	if names, err := b.db.ListCollectionNames(t.Context(), bson.D{}); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
}
