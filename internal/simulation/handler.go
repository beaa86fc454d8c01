package simulation

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Classes implements dispatcher.Handler.
func (p *process) Classes() []string { return classes }

// Identity implements dispatcher.Handler.
func (p *process) Identity(c *tasks.Candidate) (string, bool) {
	return c.TaskName, c.TaskClass == "Single"
}

// Failed implements dispatcher.Handler.
func (p *process) Failed(_ *tasks.Held, text string) tasks.Outcome {
	return tasks.Outcome{State: tasks.Error, LastLog: "failed", Failure: text, Spent: true}
}

// mostAttempts is after how many attempts a task is given back no more.
const mostAttempts = 3

// Run implements dispatcher.Handler.
func (p *process) Run(ctx context.Context, h *tasks.Held) tasks.Outcome {
	if p.awake() != nil {
		return tasks.Outcome{State: tasks.Request}
	}
	r := p.w.book.begin(p, ctx, h)
	if r == nil {
		return tasks.Outcome{State: tasks.Request}
	}
	if gate := p.w.fillGate(p); gate != nil {
		select {
		case <-gate:
		case <-p.gone:
		}
		return p.end(r, tasks.Outcome{State: tasks.Success})
	}
	d := r.dice
	if err := p.pass(ctx, d, r, p.length(d)); err != nil {
		return p.end(r, tasks.Outcome{State: tasks.Error, Failure: err.Error(), Spent: true})
	}
	switch d.n(16) {
	case 0:
		p.end(r, tasks.Outcome{State: tasks.Error})
		panic("a handler panics")
	case 1:
		p.end(r, tasks.Outcome{State: tasks.Error})
		runtime.Goexit()
	case 2:
		return p.end(r, tasks.Outcome{State: tasks.Aborted, Spent: true})
	case 3, 4, 5:
		if h.Attempt < mostAttempts {
			return p.end(r, tasks.Outcome{State: tasks.Request, Spent: true, Delay: d.between(0, 3*time.Second) * time.Duration(d.n(2))})
		}
	}
	return p.end(r, tasks.Outcome{State: tasks.Success})
}

// end gives the outcome a text that no other run has.
func (p *process) end(r *run, o tasks.Outcome) tasks.Outcome {
	o.LastLog = fmt.Sprint("run ", r.n)
	_ = p.awake() // whoever is dead does not mind
	p.w.book.end(r, o)
	return o
}

// length is that of a run: most are short, some long, and a few longer than a lease.
func (p *process) length(d *dice) time.Duration {
	switch {
	case !p.w.rates.on.Load():
		return d.between(time.Millisecond, 100*time.Millisecond)
	case d.oneIn(20):
		return d.between(time.Second, 20*time.Second)
	case d.oneIn(60):
		return d.between(30*time.Second, 80*time.Second)
	case d.oneIn(2):
		return d.between(10*time.Microsecond, time.Millisecond)
	}
	return d.between(time.Millisecond, 500*time.Millisecond)
}

// pass lets time pass. A run that is stubborn goes on when its context has ended.
func (p *process) pass(ctx context.Context, d *dice, r *run, length time.Duration) error {
	t := time.NewTimer(length)
	defer t.Stop()
	select {
	case <-p.gone:
		return errDead
	case <-t.C:
	case <-ctx.Done():
		if p.awake() != nil {
			return errDead
		}
		if !r.stubborn {
			return context.Cause(ctx)
		}
		on := time.NewTimer(d.between(0, 40*time.Second))
		defer on.Stop()
		select {
		case <-p.gone:
			return errDead
		case <-on.C:
		}
	}
	return p.awake()
}
