package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/lgtask/lgtask/tasks"
)

// start runs a claimed task on the pool. Its processor was free, so the pool has
// room at once.
func (l *loop) start(p planned, cl tasks.Claim) {
	ctx, cancel := context.WithCancelCause(l.work)
	r := &running{held: tasks.Held{Candidate: p.Candidate, Claim: cl, Key: p.key, StartedAt: time.Now()}, cancel: cancel}
	r.held.TaskName = p.name
	l.mu.Lock()
	l.running[p.ID] = r
	l.claims--
	l.mu.Unlock()
	l.pool.Go(func() {
		defer cancel(nil)
		o := l.execute(ctx, &r.held)
		l.finish(r.held, o)
		l.mu.Lock()
		delete(l.running, r.held.ID)
		l.notifyLocked()
		l.mu.Unlock()
		l.ended <- slot{r.held.Processor, r.held.ID}
	})
}

// execute runs the handler in a goroutine of its own, so that one that calls
// runtime.Goexit or never returns takes no worker of the pool with it.
func (l *loop) execute(ctx context.Context, h *tasks.Held) tasks.Outcome {
	result := make(chan tasks.Outcome, 1)
	go func() {
		failure := "the handler called runtime.Goexit"
		var o tasks.Outcome
		defer func() {
			if failure != "" {
				o = l.o.Handler.Failed(h, failure)
			}
			result <- o
		}()
		r := panics.Try(func() { o = l.o.Handler.Run(ctx, h) })
		failure = ""
		if r != nil {
			failure = r.String()
		}
	}()
	return steer(ctx, <-result)
}

// steer replaces the outcome of a handler that failed because it was told to
// end. One that succeeded all the same has succeeded.
func steer(ctx context.Context, o tasks.Outcome) tasks.Outcome {
	if o.State == tasks.Success || ctx.Err() == nil {
		return o
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrStopping):
		return tasks.Outcome{State: tasks.Request, LastLog: "given back: " + ErrStopping.Error()}
	case errors.Is(cause, ErrKilled):
		return tasks.Outcome{State: tasks.Error, LastLog: "killed", Failure: "killed: " + o.Failure, Spent: o.Spent}
	}
	return o
}

// finish writes the outcome until the database has it or somebody else has the
// task.
func (l *loop) finish(h tasks.Held, o tasks.Outcome) {
	ctx, cancel := l.finishContext()
	defer cancel()
	for failures := 1; ; failures++ {
		err := l.o.Claims.Finish(ctx, h, o)
		switch {
		case err == nil:
			if h.Key != "" && o.State.Final() {
				l.Unblock(h.Key)
			}
			return
		case errors.Is(err, tasks.ErrFenced):
			l.o.Log.Warn().Stringer("task", h.ID).Str("processor", h.Processor).Msg("the claim was lost; the result is not recorded")
			return
		case failures == 1:
			l.o.Log.Warn().Err(err).Stringer("task", h.ID).Msg("cannot record the end of a task; trying again")
		}
		select {
		case <-ctx.Done():
			l.o.Log.Error().Err(err).Stringer("task", h.ID).Msg("stopped before the end of a task was recorded; it stays claimed")
			return
		case <-time.After(backoff(failures)):
		}
	}
}

// finishContext lives as long as the dispatcher's work, and after its end as
// long as a completion may take.
func (l *loop) finishContext() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.work))
	stop := context.AfterFunc(l.work, func() { time.AfterFunc(l.o.Quit, cancel) })
	return ctx, func() { stop(); cancel() }
}

// stop waits for the running handlers as the package doc says.
func (l *loop) stop() error {
	done := make(chan struct{})
	go func() { l.pool.Wait(); close(done) }()
	if waitFor(done, l.o.Grace) {
		return nil
	}
	l.mu.Lock()
	for _, r := range l.running {
		r.cancel(ErrStopping)
	}
	l.mu.Unlock()
	if waitFor(done, l.o.Quit) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.running) == 0 {
		<-done
		return nil
	}
	stuck := &StuckError{}
	for id, r := range l.running {
		stuck.Tasks = append(stuck.Tasks, id)
		l.o.Log.Error().Stringer("task", id).Str("class", r.held.TaskClass).Str("processor", r.held.Processor).
			Msg("the handler ignored the end of its context; its task stays claimed")
	}
	return fmt.Errorf("stopping: %w", stuck)
}

func waitFor(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}
