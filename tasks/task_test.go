package tasks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

func TestCheckNames(t *testing.T) {
	for name, want := range map[string]struct{ class, name bool }{
		"Mail": {true, true}, "": {false, true}, "a b": {false, true}, "a/b": {false, true}, "ü🙂": {true, true}, "$set": {true, true}, "a.b": {true, true},
		"a\u00a0b": {false, true}, "a\nb": {false, false}, "a\x00": {false, false}, "\xff": {false, false}, "a\u0085": {false, false},
		strings.Repeat("x", 512): {true, true}, strings.Repeat("x", 513): {false, false}, strings.Repeat("ü", 257): {false, false},
	} {
		for field, got := range map[string]error{"taskClass": tasks.CheckClass(name), "taskName": tasks.CheckName(name)} {
			ok := map[string]bool{"taskClass": want.class, "taskName": want.name}[field]
			var invalid *tasks.InvalidError
			if ok != (got == nil) || !ok && (!errors.As(got, &invalid) || invalid.Field != field || len(got.Error()) > 600) {
				t.Errorf("%s %.20q: %v", field, name, got)
			}
		}
	}
	if k := tasks.Key("Mail", "a/b"); k != "Mail/a/b" {
		t.Errorf("key %q", k)
	}
}

func TestCheckPriority(t *testing.T) {
	for p, ok := range map[int]bool{-101: false, -100: true, 0: true, 100: true, 101: false, 1 << 40: false} {
		if err := tasks.CheckPriority(p); ok != (err == nil) {
			t.Errorf("%d: %v", p, err)
		}
	}
}

func TestTrimText(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 5, ""}, {"abcde", 5, "abcde"}, {"abcdef", 5, "ab…"}, {"üüüü", 6, "ü…"}, {"üüü", 6, "üüü"}, {"🙂🙂", 7, "🙂…"}, {"a\xff", 9, "a\uFFFD"}, {"\xff\xff", 9, "\uFFFD"},
	} {
		if got := tasks.TrimText(c.text, c.limit); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.text, c.limit, got, c.want)
		}
	}
}

func FuzzTrimText(f *testing.F) {
	f.Add("üüü\xff🙂", 7)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 3 + (limit%2000+2000)%2000
		got := tasks.TrimText(s, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%q to %d: %q", s, limit, got)
		}
		if utf8.ValidString(s) && len(s) <= limit && got != s {
			t.Fatalf("%q fits, but became %q", s, got)
		}
	})
}

func TestTaskRoundTrip(t *testing.T) {
	at := time.UnixMilli(1e12).UTC()
	task := tasks.Task{
		ID: tasks.NewID(), V: 1, TaskClass: "Mail", TaskName: "n", Kwargs: kwargs(t, d("a", 1)), State: tasks.Working, Priority: 3, TsInsert: at, TsRequest: at, TsStart: at,
		Processor: "p", Holder: "h", Claim: tasks.ClaimMark{Token: bson.NewObjectID()}, Attempt: 1, Crashes: 2, LastLog: "l", RunningKey: "Mail/n",
		Errors: []tasks.TaskError{{At: at, Attempt: 1, Text: "x"}}, Schedule: tasks.ScheduleRef{UID: bson.NewObjectID(), Number: 5},
	}
	raw := kwargs(t, &task)
	var back tasks.Task
	if err := bson.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if again := kwargs(t, &back); !tasks.KwargsEqual(raw, again) {
		t.Errorf("%v\nbecame %v", raw, again)
	}
	// What a waiting task does not have is not written: the partial indexes
	// look at which fields exist.
	elems, err := kwargs(t, &tasks.Task{ID: tasks.NewID(), Kwargs: kwargs(t, d())}).Elements()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range elems {
		keys = append(keys, e.Key())
	}
	if got := strings.Join(keys, " "); got != "_id v taskClass taskName kwargs state priority tsInsert tsRequest" {
		t.Errorf("fields %s", got)
	}
	text, err := json.Marshal(&back)
	if err != nil || strings.Contains(string(text), "holderToken") || strings.Contains(string(text), task.Claim.Token.Hex()) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

// Decoding is lenient with fields, not with broken BSON, and leaves nothing of
// an earlier document behind.
func TestTaskDecodesMalformed(t *testing.T) {
	task := tasks.Task{Holder: "earlier", Attempt: 9}
	if err := bson.Unmarshal(kwargs(t, d("_id", 5, "taskClass", "Mail", "attempt", "x", "errors", d("a", 1), "lastLog", "kept")), &task); err != nil {
		t.Fatal(err)
	}
	if task.ID.String() != "5" || task.TaskClass != "Mail" || task.LastLog != "kept" || task.Attempt != 0 || task.Holder != "" {
		t.Errorf("%+v", task)
	}
	if err := task.UnmarshalBSON([]byte{9, 0, 0, 0, 2, 'a'}); err == nil {
		t.Error("broken BSON was read")
	}
}

func FuzzTaskDecode(f *testing.F) {
	f.Add([]byte(kwargs(f, d("_id", 1, "taskClass", bson.A{1}, "tsRequest", bson.DateTime(5), "errors", bson.A{d("at", 1)}, "progress", d("a", bson.A{})))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var task tasks.Task
		_ = task.UnmarshalBSON(data)
	})
}
