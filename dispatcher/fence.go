package dispatcher

import "errors"

// ErrLeaseLost is the cause of a handler's context when the process has given no
// sign of life for so long that others may take it for dead.
var ErrLeaseLost = errors.New("this process gave no sign of life for too long: its tasks may be given to others")

// Fence stops the intake and ends the contexts of running handlers with cause
// ErrLeaseLost, but for those of classes that keep says may go on: those that have begun.
// What they return is recorded if the task is still this process's. It may be called again.
func (d *Dispatcher) Fence(keep func(class string) bool) {
	d.mu.Lock()
	d.fenced, d.keep = true, keep
	for r := range d.running {
		d.fenceLocked(r)
	}
	d.mu.Unlock()
	d.poke()
}

// fenceLocked ends the context of a task that is claimed while the intake is
// stopped.
func (d *Dispatcher) fenceLocked(r *running) {
	if d.fenced && (d.keep == nil || !d.keep(r.held.TaskClass)) {
		r.cancel(ErrLeaseLost)
		d.watchLocked(r)
	}
}

// Unfence begins the intake again, for the holder of that epoch.
func (d *Dispatcher) Unfence(holder string) {
	d.mu.Lock()
	d.fenced, d.holder, d.backlog = false, holder, true
	d.mu.Unlock()
	d.poke()
}

func (d *Dispatcher) isFenced() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fenced
}

// closedLocked reports whether nothing more is to be taken.
func (d *Dispatcher) closedLocked() bool { return d.retiring || d.fenced }
