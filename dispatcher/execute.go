package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// running is a claimed task. The goroutine that runs it owns the rest of held.
type running struct {
	held    tasks.Held
	cancel  context.CancelCauseFunc
	failure string // it cannot run, for this reason
	back    bool   // it is not to run, but to be given back
	over    bool   // the handler has returned; guarded by the dispatcher's mutex
	dropped bool   // the database did not take its end
}

var givenBack = tasks.Outcome{State: tasks.Request, LastLog: "given back: " + ErrStopping.Error()}

// start runs a claimed task on the pool, or gives it back. Its processor was
// free, so the pool has room at once.
func (l *loop) start(p planned, cl tasks.Claim, back bool) {
	ctx, cancel := context.WithCancelCause(l.work)
	r := &running{
		held:   tasks.Held{Candidate: p.Candidate, Claim: cl, Key: p.key, StartedAt: time.Now()},
		cancel: cancel, failure: p.failure, back: back,
	}
	r.held.TaskName = p.name
	l.mu.Lock()
	if cause := l.claiming[p.ID]; cause != nil {
		cancel(cause) // killed while it was being claimed
	}
	delete(l.claiming, p.ID)
	l.running[cl.Processor] = r
	l.mu.Unlock()
	l.pool.Go(func() {
		defer l.release(r)
		l.finish(r, l.outcome(ctx, r))
	})
}

// release makes the task's processor free.
func (l *loop) release(r *running) {
	r.cancel(nil)
	l.mu.Lock()
	delete(l.running, r.held.Processor)
	if r.dropped {
		l.unrecorded = append(l.unrecorded, r.held.ID)
	}
	l.freed = append(l.freed, r.held.Processor)
	l.notifyLocked()
	l.mu.Unlock()
	l.poke()
}

// outcome runs the handler, unless it must not run any more, and returns how the
// task ends.
func (l *loop) outcome(ctx context.Context, r *running) tasks.Outcome {
	if r.back || ctx.Err() != nil {
		return steer(ctx, givenBack)
	}
	var o tasks.Outcome
	failure := r.failure
	if failure == "" {
		failure = guard("the handler", func() { o = l.o.Handler.Run(ctx, &r.held) })
		if failure == "" && !usable(o) {
			failure = fmt.Sprintf("the handler's outcome has the state %q, which is no end of an attempt", o.State)
		}
	}
	if failure != "" {
		o = l.failed(r, failure)
	}
	return steer(ctx, o)
}

// failed asks the handler what becomes of a task whose run returned nothing
// usable, and makes it an error if not even that works.
func (l *loop) failed(r *running, failure string) tasks.Outcome {
	var o tasks.Outcome
	if guard("Failed", func() { o = l.o.Handler.Failed(&r.held, failure) }) == "" && usable(o) {
		return o
	}
	return tasks.Outcome{State: tasks.Error, LastLog: failure, Failure: failure, Spent: true}
}

// usable reports whether an attempt may end so. The database would refuse
// anything else for ever.
func usable(o tasks.Outcome) bool { return o.State == tasks.Request || o.State.Final() }

// steer replaces the outcome of a handler that failed because it was told to
// end. One that succeeded all the same has succeeded.
func steer(ctx context.Context, o tasks.Outcome) tasks.Outcome {
	if o.State == tasks.Success || ctx.Err() == nil {
		return o
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrStopping):
		return givenBack
	case errors.Is(cause, ErrKilled):
		text := "killed"
		if o.Failure != "" {
			text += ": " + o.Failure
		}
		return tasks.Outcome{State: tasks.Error, LastLog: "killed", Failure: text, Spent: o.Spent}
	}
	return o
}

// finish writes the outcome until the database has it or somebody else has the
// task.
func (l *loop) finish(r *running, o tasks.Outcome) {
	l.mu.Lock()
	r.over = true
	l.mu.Unlock()
	ctx, cancel := l.last, func() {}
	if ctx.Err() != nil { // Run has given up on its handler; the process lives on
		ctx, cancel = context.WithTimeout(context.WithoutCancel(l.last), l.o.Quit)
	}
	defer cancel()
	h := r.held
	_, err := l.persist(ctx, ctx, "record the end of task "+h.ID.String(), func(ctx context.Context) error { return l.o.Claims.Finish(ctx, h, o) })
	switch {
	case err == nil:
		if h.Key != "" && o.State.Final() {
			l.Unblock(h.Key)
		}
	case !errors.Is(err, tasks.ErrFenced):
		l.o.Log.Error().Err(err).Stringer("task", h.ID).Msg("stopped before the end of a task was recorded; it stays claimed")
		r.dropped = true
	case !r.back:
		l.o.Log.Warn().Stringer("task", h.ID).Str("processor", h.Processor).Msg("the claim was lost; the result is not recorded")
	}
}
