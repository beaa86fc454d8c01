package tasks_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// batch builds the waiting run of the name n, due in an hour.
func batch(s *tasks.Store, edits ...func(*tasks.Task)) *tasks.Task {
	b := &tasks.Task{TaskClass: "Mail", TaskName: "n", PendingKey: "Mail/n", TsRequest: s.Clock().Add(time.Hour)}
	for _, edit := range edits {
		edit(b)
	}
	return b
}

func dueNow(b *tasks.Task) { b.TsRequest = time.Time{} }

func insertNamed(t testing.TB, s *tasks.Store, b *tasks.Task) (tasks.ID, bool) {
	t.Helper()
	id, created, err := s.InsertNamed(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return id, created
}

func waiting(t testing.TB, s *tasks.Store) int64 {
	t.Helper()
	return count(t, s, tasks.Filter{TaskClass: "Mail", States: []tasks.State{tasks.Request}})
}

func TestInsertNamedByManyAtOnce(t *testing.T) {
	s := taskstest.Store(t)
	var created atomic.Int64
	ids := make([]tasks.ID, 100)
	together(100, func(i int) {
		id, made, err := s.InsertNamed(t.Context(), batch(s))
		if err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
		if ids[i] = id; made {
			created.Add(1)
		}
	})
	if created.Load() != 1 || waiting(t, s) != 1 {
		t.Errorf("%d created, %d wait", created.Load(), waiting(t, s))
	}
	for i, id := range ids {
		if id != ids[0] {
			t.Errorf("caller %d was told %s, the first %s", i, id, ids[0])
		}
	}
}

func TestInsertNamedMovesUpNeverDown(t *testing.T) {
	s := taskstest.Store(t)
	base := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	id, _ := insertNamed(t, s, batch(s, func(b *tasks.Task) { b.TsRequest, b.Priority = base, 5 }))
	for _, c := range []struct {
		due          time.Duration
		priority     int
		wantDue      time.Duration
		wantPriority int
	}{{time.Hour, 1, 0, 5}, {-time.Minute, -50, -time.Minute, 5}, {0, 7, -time.Minute, 7}, {-30 * time.Second, 7, -time.Minute, 7}, {-2*time.Minute + time.Nanosecond, 100, -2*time.Minute + time.Millisecond, 100}} {
		got, created := insertNamed(t, s, batch(s, func(b *tasks.Task) { b.TsRequest, b.Priority = base.Add(c.due), c.priority }))
		task := get(t, s, id)
		if created || got != id || !task.TsRequest.Equal(base.Add(c.wantDue)) || task.Priority != c.wantPriority {
			t.Errorf("asked %v and %d: created %v, due %v, priority %d", c.due, c.priority, created, task.TsRequest.Sub(base), task.Priority)
		}
	}
	// A time in the past is now.
	before := serverTime(t, s)
	insertNamed(t, s, batch(s, func(b *tasks.Task) { b.TsRequest = time.UnixMilli(0) }))
	if due := get(t, s, id).TsRequest; due.Before(before.Add(-time.Second)) || due.After(serverTime(t, s)) {
		t.Errorf("due %v", due)
	}
	claim(t, s, id)
}

func TestInsertNamedWithOtherKwargs(t *testing.T) {
	s := taskstest.Store(t)
	with := func(v any) *tasks.Task {
		return batch(s, dueNow, func(b *tasks.Task) { b.Kwargs = kwargs(t, v) })
	}
	id, _ := insertNamed(t, s, with(d("a", 1, "b", bson.A{2})))
	if _, created := insertNamed(t, s, with(d("b", bson.A{2.0}, "a", int64(1)))); created {
		t.Error("equal kwargs made another run")
	}
	conflict := func(state tasks.State) {
		t.Helper()
		_, created, err := s.InsertNamed(t.Context(), with(d("a", 2)))
		var c *tasks.KwargsConflictError
		if !errors.As(err, &c) || created || c.Key != "Mail/n" || c.ID != id || c.State != state || !tasks.KwargsEqual(c.Wanted, kwargs(t, d("a", 2))) || len(c.Have) == 0 {
			t.Errorf("%v, %+v", err, c)
		}
	}
	conflict(tasks.Request)
	h := claim(t, s, id)
	conflict(tasks.Working)
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if _, created := insertNamed(t, s, with(d("a", 2))); !created {
		t.Error("after the end other kwargs are refused")
	}
}

// Whoever asks while a run is going gets exactly one more.
func TestInsertNamedWhileGoing(t *testing.T) {
	s := taskstest.Store(t)
	id, _ := insertNamed(t, s, batch(s, dueNow))
	h := claim(t, s, id)
	var created atomic.Int64
	together(30, func(int) {
		got, made, err := s.InsertNamed(t.Context(), batch(s))
		if err != nil || got == id {
			t.Errorf("%s, %v", got, err)
		}
		if made {
			created.Add(1)
		}
	})
	if created.Load() != 1 || waiting(t, s) != 1 {
		t.Errorf("%d created, %d wait", created.Load(), waiting(t, s))
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
}

// Runs are claimed and finished as fast as can be while others ask for them:
// nobody gets an error, and a run starts after the last request.
func TestInsertNamedAgainstClaims(t *testing.T) {
	s := taskstest.Store(t)
	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan int)
	go func() { worked <- work(ctx, t, s, nil) }()
	var created atomic.Int64
	together(4, func(int) {
		for range 40 {
			_, made, err := s.InsertNamed(t.Context(), batch(s, dueNow))
			if err != nil {
				t.Error(err)
			}
			if made {
				created.Add(1)
			}
		}
	})
	taskstest.Eventually(t, "all runs to end", func() bool {
		return count(t, s, tasks.Filter{States: []tasks.State{tasks.Request, tasks.Working}}) == 0
	})
	stop()
	if n := <-worked; n != int(created.Load()) || n < 1 {
		t.Errorf("%d created, %d ran", created.Load(), n)
	}
}

func TestInsertNamedInTransaction(t *testing.T) {
	s := taskstest.Store(t)
	if _, err := s.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	sess, err := s.Database().Client().StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer sess.EndSession(t.Context())
	var id tasks.ID
	_, err = sess.WithTransaction(t.Context(), func(ctx context.Context) (any, error) {
		for i := range 2 { // the second call finds the first one's run
			got, created, err := s.InsertNamed(ctx, batch(s))
			if err != nil || created != (i == 0) {
				t.Errorf("call %d: created %v, %v", i, created, err)
			}
			id = got
		}
		if n := waiting(t, s); n != 0 {
			t.Errorf("%d seen from outside before the commit", n)
		}
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if task := get(t, s, id); task.State != tasks.Request || waiting(t, s) != 1 {
		t.Errorf("%+v", task)
	}
}

func TestCancelWaiting(t *testing.T) {
	s := taskstest.Store(t)
	cancel := func() (tasks.ID, bool) {
		t.Helper()
		id, ok, err := s.CancelWaiting(t.Context(), "Mail/n", "unscheduled")
		if err != nil {
			t.Fatal(err)
		}
		return id, ok
	}
	if id, ok := cancel(); ok || !id.IsZero() {
		t.Errorf("nothing waits: %s, %v", id, ok)
	}
	plain := insert(t, s, func(task *tasks.Task) { task.TaskName = "n" })
	id, _ := insertNamed(t, s, batch(s))
	if got, ok := cancel(); !ok || got != id {
		t.Errorf("%s, %v", got, ok)
	}
	if task := get(t, s, id); task.State != tasks.Aborted || task.LastLog != "unscheduled" || task.PendingKey != "" {
		t.Errorf("%+v", task)
	}
	h := claim(t, s, first(insertNamed(t, s, batch(s, dueNow))))
	finish(t, s, h, tasks.Outcome{State: tasks.Request, Delay: time.Hour}) // waits for another attempt
	if id, ok := cancel(); ok {
		t.Errorf("a run between attempts was cancelled: %s", id)
	}
	if task := get(t, s, plain); task.State != tasks.Request {
		t.Errorf("a plain task of the name: %s", task.State)
	}
}

func first[A, B any](a A, _ B) A { return a }
