package lgtask_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestDrainLeavesOnlyFinalStates(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.does(func(r *run) error {
		if r.n > 0 { // tasks that are created meanwhile count
			_, err := r.Connection().CreateTask(r.ctx, "Probe", bson.M{"n": r.n - 1})
			return err
		}
		return nil
	})
	for range 5 {
		b.ok(b.conn.CreateTask(ctx, "Probe", bson.M{"n": 10}))
	}
	b.ok(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", nil))
	later := b.ok(b.conn.DelayedTask(ctx, lgtask.In(time.Hour), "Probe", nil))
	unknown := b.ok(b.conn.CreateTask(ctx, "Unknown", nil))
	p := b.start(3)
	b.drain(p)
	if n := len(b.of("Probe", lgtask.StateSuccess)); n != 56 {
		t.Errorf("%d tasks succeeded, want 56", n)
	}
	for _, id := range []lgtask.TaskID{later, unknown} {
		if got := b.task(id); got.State != lgtask.StateRequest {
			t.Errorf("a task that does not count is %s", got.State)
		}
	}
	if n := len(b.of("", lgtask.StateRequest, lgtask.StateWorking)); n != 2 {
		t.Errorf("%d tasks are left, want 2", n)
	}
	select {
	case <-p.Done():
	default:
		t.Error("the processor goes on after Drain")
	}
}

func TestDrainWaitsForARunAndTheBatchBehindIt(t *testing.T) {
	b := setup(t)
	b.hold()
	p := b.start(2)
	first := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	held := b.next()
	second := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	drained := make(chan error, 1)
	go func() { drained <- p.Drain(t.Context()) }()
	held.end <- nil
	b.next().end <- nil
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	for _, id := range []lgtask.TaskID{first, second} {
		if got := b.task(id); got.State != lgtask.StateSuccess {
			t.Errorf("after the drain a run is %s", got.State)
		}
	}
}

func TestErrNotDrainedSaysWhatWasLeft(t *testing.T) {
	b := setup(t)
	b.hold()
	p := b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	held := b.next()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	b.refused(p.Drain(ctx), lgtask.ErrNotDrained, "a task is running")
	held.end <- nil // the processor goes on
	b.ended(id, lgtask.StateSuccess)
	id = b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.next().end <- nil
	b.ended(id, lgtask.StateSuccess)
	b.drain(p)
}

func TestDrainOfAnUnstartedProcessor(t *testing.T) {
	b := setup(t)
	p, err := lgtask.NewProcessor(lgtask.Config{}, probes(), lgtask.WithConnection(b.conn))
	if err != nil {
		t.Fatal(err)
	}
	b.refused(p.Drain(t.Context()), lgtask.ErrNotDrained, "not started")
	b.stop(p) // harmless
}

func TestDrainDoesNotWaitForOthers(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	b.next()
	// A second process has nothing to do: the run is not its own, and the batch
	// behind it is not free to run.
	b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	b.drain(b.startOf(probes(), lgtask.Config{TaskName: "there"}))
}
