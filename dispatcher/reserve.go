package dispatcher

import (
	"sync"

	"github.com/lgtask/lgtask/tasks"
)

// Reservation is a free processor that waits for a task which its producer, in
// this process, inserts already claimed by it. One of its methods must be called,
// once.
type Reservation struct {
	Claim tasks.Claim
	l     *loop
	once  sync.Once
}

// Reserve takes a free processor, or returns nil if there is none or if others
// wait for one: what was created earlier goes first.
func (d *Dispatcher) Reserve() *Reservation {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.loop
	if l == nil || d.closedLocked() || d.backlog || d.sweeping || d.goesOn || len(d.offers)+len(d.ready.list)+len(d.claiming) > 0 || len(d.free) == 0 {
		return nil
	}
	last := len(d.free) - 1
	name := d.free[last]
	d.free = d.free[:last]
	l.reserved.Add(1)
	r := &Reservation{Claim: tasks.NewClaim(name, d.holder), l: l}
	d.reservations[r] = true
	return r
}

// Start runs the task, which is inserted. If the dispatcher is stopping it is
// given back.
func (r *Reservation) Start(c tasks.Candidate) { r.settle(c, r.l.stopping()) }

// Undo gives back the task if it was inserted, which is not known.
func (r *Reservation) Undo(c tasks.Candidate) { r.settle(c, true) }

func (r *Reservation) settle(c tasks.Candidate, back bool) {
	r.once.Do(func() {
		defer r.done()
		if !back {
			r.l.count(tasks.Won)
		}
		r.l.start(planned{Candidate: c, name: c.TaskName}, r.Claim, back)
	})
}

// Release sets the processor free; nothing was inserted.
func (r *Reservation) Release() {
	r.once.Do(func() {
		defer r.done()
		r.l.freeName(r.Claim.Processor)
		r.l.poke()
	})
}

func (r *Reservation) done() {
	r.l.mu.Lock()
	delete(r.l.reservations, r)
	r.l.notifyLocked()
	r.l.mu.Unlock()
	r.l.reserved.Done()
}

func (l *loop) stopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loop == nil
}
