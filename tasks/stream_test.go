package tasks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func openStream(t testing.TB, s *tasks.Store) *tasks.Stream {
	t.Helper()
	st, err := s.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return st
}

// next waits for the next event.
func next(t testing.TB, st *tasks.Stream) tasks.Event {
	t.Helper()
	for range 10 {
		ev, ok, err := st.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return ev
		}
	}
	t.Fatal("no event")
	return tasks.Event{}
}

func TestStreamEvents(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	want := func(kind tasks.EventKind, id tasks.ID) tasks.Event {
		t.Helper()
		ev := next(t, st)
		if ev.Kind != kind || ev.ID != id {
			t.Fatalf("event %+v, want kind %d of %s", ev, kind, id)
		}
		return ev
	}
	id := insert(t, s, func(task *tasks.Task) { task.TaskName, task.PendingKey, task.Priority = "n", "Mail/n", 7 })
	ev := want(tasks.Inserted, id)
	if c := ev.Candidate; c == nil || ev.TaskClass != "Mail" || c.TaskName != "n" || c.PendingKey != "Mail/n" || c.Priority != 7 || c.TsRequest.IsZero() || !c.Keyed() {
		t.Errorf("candidate %+v", c)
	}
	// A claim, a note and a delayed task's log are of no concern to anybody.
	h := claim(t, s, id)
	if err := s.Note(t.Context(), h, "half", 50); err != nil {
		t.Fatal(err)
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Request, Spent: true})
	want(tasks.Changed, id)
	h = claim(t, s, id)
	kill(t, s, id)
	want(tasks.Killed, id)
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if ev := want(tasks.Freed, id); ev.Key != "Mail/n" {
		t.Errorf("freed %q", ev.Key)
	}
	foreign := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request"))
	if ev := want(tasks.Inserted, foreign); !ev.Foreign || ev.Candidate != nil || ev.TaskClass != "Hand" {
		t.Errorf("foreign event %+v", ev)
	}
	if _, err := s.Adopt(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	want(tasks.Changed, foreign)
	unnamed := insert(t, s)
	want(tasks.Inserted, unnamed)
	finish(t, s, claim(t, s, unnamed), tasks.Outcome{State: tasks.Success}) // frees no name: no event
	last := insert(t, s)
	want(tasks.Inserted, last)
}

// Whatever kwargs a foreign document carries, the pipeline's expressions must
// not fail: that would end the stream of every process.
func TestStreamSurvivesOddDocuments(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	for _, v := range []any{nil, 1, "x", bson.A{1}, bson.A{}, true, bson.MinKey{}, d("$set", 1), strings.Repeat("x", 1<<20), d("a", strings.Repeat("x", 15<<20))} {
		id := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request", "kwargs", v))
		if ev := next(t, st); ev.ID != id || !ev.Foreign {
			t.Errorf("event %+v", ev)
		}
	}
	for _, id := range unusableIDs {
		if id := insertRaw(t, collection(s), d("_id", id, "taskClass", "Hand", "state", "request")); next(t, st).ID != id {
			t.Errorf("another event than that of %s", id)
		}
	}
	// The documents lack v: nothing looks at them again.
}

func TestStreamInvalidated(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	if err := collection(s).Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, ok, err := st.Next(t.Context()); err == tasks.ErrInvalidated {
			return
		} else if err != nil || ok {
			t.Fatalf("after the drop: %v, %v", ok, err)
		}
	}
	t.Error("the drop was not reported")
}

// A context that ends inside Next ends the stream, and leaves nothing behind on
// the server.
func TestStreamLeavesNoCursor(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	breakOff(t, s, st)
	if err := st.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	taskstest.Eventually(t, "the cursor to be gone", func() bool { return cursors(t, s, true) == 0 })
}

// A cursor that could not be closed, because the server could not be reached, is closed
// when the next stream is opened.
func TestStreamClosesCursorLater(t *testing.T) {
	s := taskstest.Store(t)
	st := openStream(t, s)
	breakOff(t, s, st)
	never, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Close(never); err == nil {
		t.Error("Close without reaching the server: no error")
	}
	if n := cursors(t, s, true); n != 1 {
		t.Errorf("%d cursors after a Close that did not reach the server, want 1", n)
	}
	openStream(t, s)
	taskstest.Eventually(t, "the first cursor to be gone", func() bool { return cursors(t, s, true) == 1 })
}

// cursors counts the cursors on the store's tasks, those that nobody reads only if idle.
func cursors(t *testing.T, s *tasks.Store, idle bool) (n int) {
	t.Helper()
	ns := collection(s).Database().Name() + ".tasks"
	cur, err := s.Database().Client().Database("admin").Aggregate(t.Context(), bson.A{
		d("$currentOp", d("idleCursors", true, "allUsers", true)), d("$match", d("ns", ns, "cursor", d("$exists", true))),
	})
	if err != nil {
		t.Fatal(err)
	}
	var ops []struct {
		Type string `bson:"type"`
	}
	if err := cur.All(t.Context(), &ops); err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if idle || op.Type == "op" {
			n++
		}
	}
	return n
}

// breakOff ends the context of a stream while it waits for an event.
func breakOff(t *testing.T, s *tasks.Store, st *tasks.Stream) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		for {
			if _, _, err := st.Next(ctx); err != nil {
				ended <- err
				return
			}
		}
	}()
	taskstest.Eventually(t, "the stream to wait", func() bool { return cursors(t, s, false) == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
}

func TestStreamWaitIsBounded(t *testing.T) {
	if tasks.StreamWait <= 0 || tasks.StreamWait > 30*time.Second {
		t.Errorf("StreamWait is %v", tasks.StreamWait)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	full := d("_id", bson.NewObjectID(), "taskClass", "Mail", "taskName", "", "state", "request", "priority", 1,
		"tsInsert", bson.DateTime(1), "tsRequest", bson.DateTime(1), "kwargs", d("a", 1), "schedule", d("uid", bson.NewObjectID(), "n", 3))
	key := d("_id", bson.NewObjectID())
	for _, doc := range []bson.D{
		d("operationType", "insert", "documentKey", key, "fullDocument", full, "kwargsType", "object"),
		d("operationType", "replace", "documentKey", key, "fullDocument", d("_id", d("a", 1)), "kwargsType", "missing"),
		d("operationType", "update", "documentKey", key, "updateDescription", d("updatedFields", d("state", "kill"))),
		d("operationType", "update", "documentKey", d("_id", "x"), "updateDescription", d("updatedFields", d("lastKey", "Mail/x"))),
		d("operationType", "update", "documentKey", 5, "updateDescription", bson.A{1}),
		d("operationType", "drop"), d("operationType", 5), d(),
	} {
		f.Add([]byte(kwargs(f, doc)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, ok := tasks.DecodeEvent(bson.Raw(data))
		if !ok {
			return
		}
		if ev.Kind == tasks.Inserted && (ev.Candidate == nil) != ev.Foreign {
			t.Fatalf("neither foreign nor a candidate: %+v", ev)
		}
		if c := ev.Candidate; c != nil && (tasks.CheckClass(c.TaskClass) != nil || tasks.CheckPriority(c.Priority) != nil) {
			t.Fatalf("an unchecked candidate: %+v", c)
		}
	})
}
