package dispatcher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

const grace, quit = 8 * time.Second, 2 * time.Second // the defaults

// ended waits for Run's end and checks when it came.
func (b *bench) ended(begin time.Time, want time.Duration) error {
	b.Helper()
	err := <-b.done
	if d := time.Since(begin); d != want {
		b.Errorf("Run returned after %v; want %v", d, want)
	}
	return err
}

func TestStopWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		begin := time.Now()
		b.cancel()
		if err := b.ended(begin, 0); err != nil {
			t.Error(err)
		}
		id := b.offer()
		b.d.Wake()
		settled()
		b.is(id, tasks.Request)
	})
}

func TestGraceLetsHandlersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = func(ctx context.Context, _ *tasks.Held) tasks.Outcome {
			<-time.After(5 * time.Second)
			if ctx.Err() != nil {
				t.Error("cancelled within the grace")
			}
			return succeeded
		}
		id := b.offer()
		settled()
		waiting := b.offer()
		begin := time.Now()
		b.cancel()
		if err := b.ended(begin, 5*time.Second); err != nil {
			t.Error(err)
		}
		b.is(id, tasks.Success)
		b.is(waiting, tasks.Request)
		b.begun(id)
	})
}

func TestAfterTheGraceTasksAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3)
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			<-ctx.Done()
			if cause := context.Cause(ctx); cause != ErrStopping {
				t.Errorf("cause %v", cause)
			}
			switch h.Priority {
			case 1:
				return succeeded
			case 2:
				panic(ctx.Err())
			}
			return tasks.Outcome{State: tasks.Error, LastLog: "failed", Failure: "failed", Spent: true}
		}
		failing, succeeding, panicking := b.offer(pending("a")), b.offer(priority(1)), b.offer(priority(2))
		settled()
		begin := time.Now()
		b.cancel()
		if err := b.ended(begin, grace); err != nil {
			t.Error(err)
		}
		b.is(succeeding, tasks.Success)
		for _, id := range []tasks.ID{failing, panicking} {
			if got := b.task(id); got.State != tasks.Request || got.Attempt != 0 || len(got.Errors) != 0 || got.LastLog != "given back: the processor is stopping" {
				t.Errorf("state %s, attempt %d, errors %v, lastLog %q", got.State, got.Attempt, got.Errors, got.LastLog)
			}
		}
		if got := b.task(failing); got.RunningKey != "Batch/a" {
			t.Errorf("the given back run has the key %q", got.RunningKey)
		}
		b.idle()
	})
}

// What fails by itself within the grace has failed.
func TestFailureWithinTheGraceCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		gate := make(chan struct{})
		b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome {
			<-gate
			return tasks.Outcome{State: tasks.Error, Spent: true}
		}
		id := b.offer()
		settled()
		b.cancel()
		settled()
		close(gate)
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.is(id, tasks.Error)
	})
}

func TestKillDuringTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = until(nil)
		id := b.offer()
		settled()
		b.cancel()
		advance(time.Second)
		if !b.d.Cancel(id, ErrKilled) {
			t.Error("not known any more")
		}
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.is(id, tasks.Error)
	})
}

func TestHandlerThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			if h.Priority == 1 {
				<-gate
				return succeeded
			}
			return until(gate)(ctx, h)
		}
		stuck, other := b.offer(priority(1)), b.offer()
		settled()
		begin := time.Now()
		b.cancel()
		err := b.ended(begin, grace+quit)
		var se *StuckError
		if !errors.As(err, &se) || !slices.Equal(se.Tasks, []tasks.ID{stuck}) || len(se.Unrecorded) != 0 {
			t.Errorf("error %v", err)
		} else if !strings.Contains(err.Error(), stuck.String()) {
			t.Errorf("%q does not name the task", err)
		}
		b.is(stuck, tasks.Working)
		b.is(other, tasks.Request)
		// If the process lives on, a late result is still recorded.
		advance(time.Hour)
		close(gate)
		settled()
		b.is(stuck, tasks.Success)
		b.idle()
	})
}

func TestEndThatCannotBeRecordedBeforeTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		b.claims.set(breaks(always, false, "Finish"))
		id := b.offer()
		settled()
		begin := time.Now()
		b.cancel()
		err := b.ended(begin, grace+quit)
		var se *StuckError
		if !errors.As(err, &se) || !slices.Equal(se.Unrecorded, []tasks.ID{id}) || len(se.Tasks) != 0 {
			t.Errorf("error %v", err)
		} else if !strings.Contains(err.Error(), id.String()) {
			t.Errorf("%q does not name the task", err)
		}
		settled()
		b.idle()
	})
}

// The database is away when the stop begins and comes back within its time.
func TestEndIsRecordedDuringTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.claims.set(breaks(always, false, "Finish"))
		id := b.offer()
		settled()
		b.cancel()
		advance(grace - 2*quit) // more than the longest back-off is left
		b.claims.set(nil)
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.is(id, tasks.Success)
	})
}
