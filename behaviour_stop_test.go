package lgtask_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestKillEndsTheContext(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Tries", nil))
	held := b.next()
	b.comes(id, lgtask.StateWorking)
	if err := b.conn.KillTask(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	<-held.ctx.Done()
	if cause := context.Cause(held.ctx); !errors.Is(cause, lgtask.ErrKilled) {
		t.Errorf("the cause is %v", cause)
	}
	got := b.ended(id, lgtask.StateError) // though attempts are left
	if got.LastLog != "killed" || len(got.Errors) != 1 {
		t.Errorf("lastLog %q, errors %+v", got.LastLog, got.Errors)
	}

	// A handler that got to its end all the same has succeeded.
	b.does(func(r *run) error { <-r.ctx.Done(); return nil })
	id = b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.next()
	b.comes(id, lgtask.StateWorking)
	b.set(id, "state", lgtask.StateKill)
	b.ended(id, lgtask.StateSuccess)
}

func TestAWaitingTaskThatIsKilledByHandEnds(t *testing.T) {
	b := setup(t)
	b.start(1)
	for _, id := range []lgtask.TaskID{
		b.ok(b.conn.DelayedTask(t.Context(), lgtask.In(time.Hour), "Probe", nil)),
		b.ok(b.conn.BatchTask(t.Context(), lgtask.In(time.Hour), "Probe", nil)),
	} {
		b.set(id, "state", lgtask.StateKill)
		b.says(b.ended(id, lgtask.StateError).LastLog, "killed before it started")
	}
	b.made(true)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil)) // the name is free
	b.next()
}

func TestAKilledScheduledRunIsFollowedByAnother(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1, lgtask.WithSafetySweep(time.Hour)) // it would bring the run back
	id := b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil))
	b.next()
	b.set(id, "state", lgtask.StateKill)
	b.ended(id, lgtask.StateError)
	b.waiting("Probe")

	// Also if the kill comes when the handler asks for another attempt.
	b.does(func(r *run) error {
		b.set(r.ID(), "state", lgtask.StateKill)
		return lgtask.Snooze(time.Hour)
	})
	id = b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Other", nil))
	b.ended(id, lgtask.StateError)
	taskstest.Eventually(b, "the run after the killed one", func() bool { return len(b.of("Other", lgtask.StateRequest)) == 1 })
}

func TestStopGivesBackAndTheNextProcessorGoesOn(t *testing.T) {
	b := setup(t)
	b.hold()
	p := b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Tries", nil))
	held := b.next()
	b.stop(p)
	if cause := context.Cause(held.ctx); !errors.Is(cause, lgtask.ErrStopping) {
		t.Errorf("the cause is %v", cause)
	}
	got := b.task(id)
	if got.State != lgtask.StateRequest || got.Attempt != 0 || len(got.Errors) != 0 || got.Holder != "" {
		t.Errorf("after the stop: %+v", got)
	}
	b.says(got.LastLog, "given back")
	b.startOf(probes(), lgtask.Config{TaskName: "there"})
	r := b.next()
	if r.ID() != id || r.Attempt() != held.Attempt() || r.Processor() != "there" {
		t.Errorf("%s ran as attempt %d on %s", r.ID(), r.Attempt(), r.Processor())
	}
	r.end <- nil
	b.ended(id, lgtask.StateSuccess)
}

func TestStopWaitsForWhatEndsInTheGrace(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error { <-r.Stopping(); return nil })
	p := b.startOf(probes(), lgtask.Config{Grace: time.Minute})
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.next()
	left := b.ok(b.conn.CreateTask(t.Context(), "Other", nil))
	b.stop(p)
	if got := b.task(id); got.State != lgtask.StateSuccess {
		t.Errorf("the run that ended in the grace is %s", got.State)
	}
	if got := b.task(left); got.State != lgtask.StateRequest {
		t.Errorf("a task was begun after the stop: %s", got.State)
	}
	b.stop(p) // again: harmless
	b.refused(p.Start(t.Context()), lgtask.ErrStarted)
}

func TestANamedRunGivenBackKeepsItsName(t *testing.T) {
	b := setup(t)
	b.hold()
	p := b.start(1)
	first := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	b.next()
	second := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	b.stop(p)
	b.start(2)
	r := b.next()
	if r.ID() != first {
		t.Fatalf("%s ran, want the one that was given back, %s", r.ID(), first)
	}
	r.end <- nil
	b.ended(first, lgtask.StateSuccess)
	b.next().end <- nil
	b.ended(second, lgtask.StateSuccess)
}
