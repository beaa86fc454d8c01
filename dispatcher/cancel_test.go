package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/lgtask/lgtask/tasks"
)

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		killed, other := b.offer(), b.offer()
		settled()
		if b.d.Cancel(tasks.NewID(), ErrKilled) {
			t.Error("a task that is not here was cancelled")
		}
		if !b.d.Cancel(killed, ErrKilled) {
			t.Error("a running task is not known")
		}
		settled()
		b.is(killed, tasks.Error)
		b.is(other, tasks.Working)
		if got := b.task(killed); got.LastLog != "killed" || got.Errors[0].Text != "killed: "+ErrKilled.Error() {
			t.Errorf("lastLog %q, errors %v", got.LastLog, got.Errors)
		}
		if b.d.Cancel(killed, ErrKilled) {
			t.Error("a task that is over was cancelled")
		}
		close(gate)
		settled()
		b.is(other, tasks.Success)
		b.stop()
	})
}

func TestKilledTaskThatSucceedsHasSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = func(ctx context.Context, _ *tasks.Held) tasks.Outcome {
			<-ctx.Done()
			return succeeded
		}
		id := b.offer()
		settled()
		if err := b.m.kill(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		b.d.Cancel(id, ErrKilled)
		settled()
		b.is(id, tasks.Success)
		b.stop()
	})
}

// Any other cause leaves the outcome to the handler.
func TestCancelWithAnotherCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = func(ctx context.Context, _ *tasks.Held) tasks.Outcome {
			<-ctx.Done()
			return tasks.Outcome{State: tasks.Aborted, LastLog: context.Cause(ctx).Error()}
		}
		for _, cause := range []error{errBroken, nil} {
			id := b.offer()
			settled()
			b.d.Cancel(id, cause)
			settled()
			b.is(id, tasks.Aborted)
		}
		b.stop()
	})
}
