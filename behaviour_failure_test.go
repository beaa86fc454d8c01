package lgtask_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestAFailingTaskNeverStopsTheOthers(t *testing.T) {
	b := setup(t)
	ends := []func() error{
		func() error { return errors.New("no luck") },
		func() error { panic("no luck") },
		func() error { panic(fmt.Errorf("no luck")) },
		func() error { none := make([]error, 0, 1); return none[cap(none)-1] },
		func() error { runtime.Goexit(); return nil },
		func() error { return nil },
	}
	b.does(func(r *run) error { return ends[r.n]() })
	ids := make([]lgtask.TaskID, len(ends))
	for i := range ends {
		ids[i] = b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": i}))
	}
	broken := b.ok(b.conn.CreateTask(t.Context(), "Broken", nil))
	p := b.start(1)
	for i, word := range []string{"no luck", "no luck", "no luck", "out of range", "Goexit"} {
		got := b.ended(ids[i], lgtask.StateError)
		b.says(got.LastLog, word)
		if len(got.Errors) != 1 || got.Errors[0].Attempt != 1 || got.Attempt != 1 {
			t.Errorf("%s: attempt %d, errors %+v", word, got.Attempt, got.Errors)
		}
	}
	b.says(b.task(ids[1]).Errors[0].Text, "behaviour_failure_test.go") // the stack
	b.ended(ids[len(ids)-1], lgtask.StateSuccess)
	if got := b.comes(broken, lgtask.StateRequest); got.TsRequest.Sub(b.now()) > lgtask.DefaultBackoff(1)*6/5 { // give or take a fifth
		t.Errorf("after a back-off that panics the task is due %v", got.TsRequest)
	}
	b.drain(p)
}

func TestMaxAttemptsAndBackoff(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error { return fmt.Errorf("attempt %d", r.Attempt()) })
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Tries", nil))
	got := b.ended(id, lgtask.StateError)
	if got.LastLog != "attempt 3" || got.Attempt != 3 || len(got.Errors) != 3 {
		t.Fatalf("lastLog %q, attempt %d, errors %+v", got.LastLog, got.Attempt, got.Errors)
	}
	for i, wait := range []time.Duration{100, 200} {
		if took := got.Errors[i+1].At.Sub(got.Errors[i].At); took < wait*time.Millisecond {
			t.Errorf("attempt %d came %v after the one before, want %d ms", i+2, took, wait)
		}
	}
	// A limit of the call goes before that of the class, both ways.
	id = b.ok(b.conn.CreateTask(t.Context(), "Tries", nil, lgtask.WithMaxAttempts(1)))
	if got := b.ended(id, lgtask.StateError); got.Attempt != 1 {
		t.Errorf("%d attempts, want 1", got.Attempt)
	}
	b.does(func(r *run) error { return lgtask.RetryAfter(0, errors.New("again")) })
	id = b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil, lgtask.WithMaxAttempts(2)))
	if got := b.ended(id, lgtask.StateError); got.Attempt != 2 || got.LastLog != "again" {
		t.Errorf("%d attempts, want 2; %q", got.Attempt, got.LastLog)
	}
}

func TestPriorityOfAClassHoldsForTypedCalls(t *testing.T) {
	b := setup(t)
	for want, opts := range map[int][]lgtask.TaskOption{7: nil, 9: {lgtask.WithPriority(9)}} {
		got := b.task(b.ok(lgtask.Create(t.Context(), b.conn, &Tries{}, opts...)))
		if got.Priority != want || got.MaxAttempts != 3 || got.TaskClass != "Tries" {
			t.Errorf("%+v", got)
		}
	}
}

func TestRetryAfterGoesOnWithoutALimit(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error {
		if r.Attempt() < 8 {
			return fmt.Errorf("wrapped: %w", lgtask.RetryAfter(time.Millisecond, errors.New("again")))
		}
		return nil
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	got := b.ended(id, lgtask.StateSuccess)
	if got.Attempt != 7 || len(got.Errors) != 5 || got.Errors[4].Attempt != 7 {
		t.Errorf("attempt %d, errors %+v", got.Attempt, got.Errors)
	}
}

func TestLongWaitsStayDates(t *testing.T) {
	b := setup(t)
	b.start(1)
	for _, err := range []error{lgtask.RetryAfter(1<<63-1, nil), lgtask.Snooze(1<<63 - 1)} {
		b.does(func(*run) error { return err })
		id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
		b.next()
		if got := b.comes(id, lgtask.StateRequest); got.TsRequest.Sub(b.now()) < 24*time.Hour {
			t.Errorf("%v: due %v", err, got.TsRequest)
		}
	}
}

func TestDiscard(t *testing.T) {
	b := setup(t)
	b.does(func(*run) error { return lgtask.Discard(errors.New("not worth it")) })
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Tries", nil))
	if got := b.ended(id, lgtask.StateAborted); got.LastLog != "not worth it" || got.Attempt != 1 {
		t.Errorf("%+v", got)
	}
}

func TestSnoozeSpendsNoAttempt(t *testing.T) {
	b := setup(t)
	snoozed := 0
	b.does(func(r *run) error {
		if snoozed++; snoozed <= 3 {
			return lgtask.Snooze(time.Millisecond)
		}
		return nil
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	got := b.ended(id, lgtask.StateSuccess)
	if got.Attempt != 0 || len(got.Errors) != 0 || snoozed != 4 {
		t.Errorf("attempt %d, errors %+v, %d runs", got.Attempt, got.Errors, snoozed)
	}
	for range 4 {
		if r := b.next(); r.Attempt() != 1 {
			t.Errorf("a run was attempt %d", r.Attempt())
		}
	}
}

func TestTimeout(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error {
		if d, ok := r.Deadline(); !ok || time.Until(d) > 20*time.Millisecond {
			t.Errorf("deadline %v, %v", d, ok)
		}
		<-r.ctx.Done()
		if !errors.Is(context.Cause(r.ctx), lgtask.ErrTimeout) {
			t.Errorf("the cause is %v", context.Cause(r.ctx))
		}
		return r.ctx.Err()
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Short", nil))
	if got := b.ended(id, lgtask.StateError); got.Attempt != 1 {
		t.Errorf("attempt %d", got.Attempt)
	}
	b.says(b.task(id).LastLog, lgtask.ErrTimeout.Error(), "20ms")
	// Who succeeds all the same has succeeded.
	b.does(func(r *run) error { <-r.ctx.Done(); return nil })
	id = b.ok(b.conn.CreateTask(t.Context(), "Short", nil))
	b.ended(id, lgtask.StateSuccess)
}

func TestKwargsThatDoNotFitEndTheTask(t *testing.T) {
	b := setup(t)
	b.start(1)
	for _, c := range []struct {
		kwargs bson.M
		words  []string
	}{
		{nil, []string{`"count"`, "required"}},
		{bson.M{"count": nil}, []string{`"count"`}},
		{bson.M{"count": "three"}, []string{`"count"`, "int", "string"}},
		{bson.M{"count": 1.5}, []string{`"count"`, "int"}},
		{bson.M{"count": 1, "name": 5}, []string{`"name"`, "string", "int"}},
		{bson.M{"count": 1, "nmae": "x"}, []string{`"nmae"`}},
	} {
		id := b.ok(b.conn.CreateTask(t.Context(), "Exact", c.kwargs))
		got := b.ended(id, lgtask.StateError)
		b.says(got.LastLog, c.words...)
		b.says(got.Errors[0].Text, c.words...)
	}
	b.noneRan()
	// A class that is not strict ignores what it does not know.
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": 4.0, "nmae": "x"}))
	if r := b.next(); r.n != 4 {
		t.Errorf("n = %d", r.n)
	}
	b.ended(id, lgtask.StateSuccess)
}

func TestLargeKwargsInsertedByHandMayBeMalformed(t *testing.T) {
	b := setup(t)
	b.start(1)
	deep := bson.D{{Key: "fill", Value: make([]byte, 10_000)}}
	for range 40 {
		deep = bson.D{{Key: "n", Value: deep}}
	}
	b.ok(b.conn.CreateTask(t.Context(), "Probe", nil)) // the collection is there
	b.next()
	short := bson.D{{Key: "taskClass", Value: "Probe"}, {Key: "state", Value: "request"}, {Key: "kwargs", Value: deep}}
	full := append(bson.D{
		{Key: "v", Value: 1}, {Key: "taskName", Value: ""}, {Key: "priority", Value: 0},
		{Key: "tsInsert", Value: time.Now()}, {Key: "tsRequest", Value: time.Now().Add(-time.Second)},
	}, short...)
	for _, doc := range []bson.D{short, full} {
		id := lgtask.NewTaskID()
		if _, err := b.db.Collection("tasks").InsertOne(t.Context(), append(bson.D{{Key: "_id", Value: id}}, doc...)); err != nil {
			t.Fatal(err)
		}
		b.says(b.ended(id, lgtask.StateError).LastLog, "kwargs", "32 levels")
	}
	b.noneRan()
}
