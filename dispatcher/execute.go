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
	held     tasks.Held
	ctx      context.Context
	cancel   context.CancelCauseFunc
	failure  string        // it cannot run, for this reason
	back     bool          // it is not to run, but to be given back
	end      tasks.Outcome // once over
	over     bool          // the handler has returned; guarded by the dispatcher's mutex
	late     bool          // over after Run had given up
	dropped  bool          // the database did not take its end
	claimed  time.Time
	length   length      // how long it will take
	watch    *time.Timer // since its context ended, nil before; this and the next two guarded by the dispatcher's mutex
	stuck    bool        // it has not returned in time
	replaced bool        // its processor takes other tasks
	chance   bool        // counted in chances
	started  time.Time   // by a processor, zero before; guarded by the dispatcher's mutex
}

var (
	givenBack = tasks.Outcome{State: tasks.Request, LastLog: "given back: " + ErrStopping.Error()}
	fencedOff = tasks.Outcome{State: tasks.Request, LastLog: "given back: " + ErrLeaseLost.Error()}
	unstarted = tasks.Outcome{State: tasks.Request, Unstarted: true}
)

// start runs a claimed task, gives it back, or keeps it until a processor is
// free.
func (l *loop) start(p planned, cl tasks.Claim, back bool) {
	r := &running{held: tasks.Held{Candidate: p.Candidate, Claim: cl, Key: p.key}, failure: p.failure, claimed: time.Now()}
	r.held.TaskName = p.name
	r.ctx, r.cancel = context.WithCancelCause(l.work)
	l.mu.Lock()
	r.back = back || l.fenced // whatever its class: it has not begun
	ahead := cl.Processor == "" && !r.back
	if cause := l.claiming[p.ID]; cause != nil {
		r.cancel(cause) // killed while it was being claimed
	}
	delete(l.claiming, p.ID)
	l.running[r] = true
	if r.chance = !back && lastChance(&p.Candidate); r.chance {
		l.chances++
	}
	l.fenceLocked(r)
	if ahead {
		r.held.Ahead = true
		l.ready.push(r, l.lengths[p.TaskClass])
	} else {
		r.started = r.claimed
	}
	l.mu.Unlock()
	if !ahead {
		l.run(r)
	}
}

// run runs a task on a goroutine of the pool, and then what was claimed ahead, as
// long as there is any.
func (l *loop) run(r *running) {
	l.pool.Go(func() {
		defer func() {
			if r != nil { // the handler called runtime.Goexit, which ends this goroutine
				l.finish(r, steer(r.ctx, l.failed(r, "the handler called runtime.Goexit")))
				l.freed(r)
			}
		}()
		for r != nil {
			if len(r.held.Early) > 0 {
				await(&r.held, r.claimed, r.ctx.Done(), l.o.Now)
				r.back = r.back || l.isFenced()
			}
			r.held.StartedAt = time.Now()
			o := l.outcome(r.ctx, r)
			took := time.Since(r.held.StartedAt)
			l.finish(r, o)
			r = l.next(r, took)
		}
	})
}

// await waits for the instant of a task that was claimed before it, unless done
// is closed first.
func await(h *tasks.Held, claimed time.Time, done <-chan struct{}, now func() time.Time) {
	wait := time.NewTimer(min(h.TsRequest.Sub(now()), tasks.MaxLead-time.Since(claimed)))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-done:
	}
}

// next makes the processor of a run that took so long free, or returns the task
// that it runs next.
func (l *loop) next(r *running, took time.Duration) *running {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !r.back && r.failure == "" {
		l.learnLocked(r.held.TaskClass, took)
	}
	if r.held.Processor != "" && !r.replaced && len(l.ready.list) > 0 && !l.closedLocked() && l.come.Err() == nil {
		if !r.held.Ahead {
			l.ready.shared++
		}
		return l.pullLocked(r.held.Processor)
	}
	l.freedLocked(r)
	return nil
}

func (l *loop) freed(r *running) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.freedLocked(r)
}

// freedLocked makes the processor of a run that is over free. A task that was
// never started had none.
func (l *loop) freedLocked(r *running) {
	if r.replaced {
		l.replaced--
		return
	}
	if r.held.Processor == "" {
		return
	}
	if r.held.Ahead {
		l.ready.shared--
	}
	l.free = append(l.free, r.held.Processor)
	l.poke()
}

// outcome runs the handler, unless it must not run any more, and returns how the
// task ends. It does not return if the handler calls runtime.Goexit.
func (l *loop) outcome(ctx context.Context, r *running) tasks.Outcome {
	if r.back || ctx.Err() != nil {
		return steer(ctx, unstarted)
	}
	var o tasks.Outcome
	failure := r.failure
	if failure == "" {
		failure = attempt(func() { o = l.o.Handler.Run(ctx, &r.held) })
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
	case errors.Is(cause, ErrStopping) && !o.Unstarted:
		return givenBack
	case errors.Is(cause, ErrLeaseLost) && !o.Unstarted:
		return fencedOff
	case errors.Is(cause, ErrKilled):
		text := "killed"
		if o.Failure != "" {
			text += ": " + o.Failure
		}
		return tasks.Outcome{State: tasks.Error, LastLog: "killed", Failure: text, Spent: o.Spent}
	}
	return o
}
