package dispatcher

import (
	"context"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// watchLocked begins to wait for the end of a run whose context has ended. One that
// does not return in time is stuck: nothing in Go can end it, so it keeps its claim and
// its processor, unless Options.Replace gives that to another.
func (d *Dispatcher) watchLocked(r *running) {
	if r.watch == nil && !r.started.IsZero() && !r.over {
		r.watch = time.AfterFunc(d.o.Patience, func() { d.unheeded(r) })
	}
}

// Overdue says that the context which a handler made of its run's has ended: its time
// is over. h is what the handler was given.
func (d *Dispatcher) Overdue(h *tasks.Held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for r := range d.running {
		if &r.held == h {
			d.watchLocked(r)
		}
	}
}

// unheeded is called by a timer.
func (d *Dispatcher) unheeded(r *running) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.over || d.loop == nil { // it returned after all, or Run is about to tell of it
		return
	}
	r.stuck = true
	d.stats.Stuck++
	if d.o.Replace && d.replaced < d.names {
		d.loop.freedLocked(r)
		r.replaced = true
		d.replaced++
	}
	// The rest of held is its goroutine's.
	h := tasks.Held{Candidate: r.held.Candidate, Claim: r.held.Claim, Key: r.held.Key, Ahead: r.held.Ahead}
	cause := context.Cause(r.ctx)
	if d.o.Stuck != nil {
		d.loop.recording.Go(func() { d.o.Stuck(h, cause) })
	}
}

// unwatchLocked notes that a run is over.
func (d *Dispatcher) unwatchLocked(r *running) {
	if r.watch != nil {
		r.watch.Stop()
	}
	if r.stuck {
		d.stats.Stuck--
	}
}
