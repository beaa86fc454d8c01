package tasks_test

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// What CheckKwargs accepts comes back byte for byte from the stream, from a
// query, and after the claim; above 4 KiB only after the claim.
func TestKwargsRoundTrip(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	want, names := map[tasks.ID]bson.Raw{}, map[tasks.ID]string{}
	for name, v := range acceptedKwargs(t) {
		raw := kwargs(t, v)
		id := insert(t, s, func(task *tasks.Task) { task.Kwargs = raw })
		want[id], names[id] = raw, name
	}
	same := func(where string, id tasks.ID, got bson.Raw) {
		t.Helper()
		switch large := len(want[id]) > tasks.InlineKwargs; {
		case large && got != nil:
			t.Errorf("%s: %s carries %d bytes", names[id], where, len(got))
		case !large && (!bytes.Equal(got, want[id]) || !tasks.KwargsEqual(got, want[id])):
			t.Errorf("%s: %s has %v, want %v", names[id], where, got, want[id])
		}
	}
	for range want {
		ev := next(t, st)
		if ev.Kind != tasks.Inserted || ev.Foreign || ev.Candidate == nil || ev.Candidate.ID != ev.ID {
			t.Fatalf("%s: event %+v", names[ev.ID], ev)
		}
		same("the event", ev.ID, ev.Candidate.Kwargs)
	}
	cs, err := s.Candidates(t.Context(), tasks.Query{Classes: []string{"Mail"}, Limit: 1000})
	if err != nil || len(cs) != len(want) {
		t.Fatalf("%d candidates, want %d: %v", len(cs), len(want), err)
	}
	for _, c := range cs {
		same("the candidate", c.ID, c.Kwargs)
		same("the single candidate", c.ID, candidate(t, s, c.ID).Kwargs)
	}
	for id, raw := range want {
		claim(t, s, id)
		got, err := s.Kwargs(t.Context(), id)
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: after the claim %d bytes, %v; want %d", names[id], len(got), err, len(raw))
		}
	}
}

// A task inserted by hand may carry kwargs that only the claim gets to see.
func TestKwargsOfHandWrittenTask(t *testing.T) {
	s := taskstest.Store(t)
	now := bson.NewDateTimeFromTime(s.Clock())
	for name, c := range map[string]struct {
		kwargs any
		ok     bool
	}{
		"document": {d("a", 1), true}, "null": {nil, true}, "text": {"x", false}, "array": {bson.A{1}, false},
		"large and deep": {d("pad", string(make([]byte, tasks.InlineKwargs)), "k", nest(40, false)), false},
	} {
		id := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request", "kwargs", c.kwargs, "tsRequest", now))
		kw, err := s.Kwargs(t.Context(), id)
		if (err == nil) != c.ok || c.ok && kw == nil {
			t.Errorf("%s: %v, %v", name, kw, err)
		}
	}
	id := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request"))
	if kw, err := s.Kwargs(t.Context(), id); err != nil || !tasks.KwargsEqual(kw, kwargs(t, d())) {
		t.Errorf("no kwargs: %v, %v", kw, err)
	}
	if _, err := s.Kwargs(t.Context(), tasks.NewID()); err != tasks.ErrNotFound {
		t.Errorf("no task: %v", err)
	}
}
