package dispatcher

import "time"

// Pressure returns since when tasks wait that no processor is free for, zero if
// none do as far as is known, and when a task last ended here.
func (d *Dispatcher) Pressure() (waiting, finished time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting, d.finished
}

// weighLocked notes whether more tasks may wait than a sweep found.
func (d *Dispatcher) weighLocked(more bool) {
	switch {
	case !more:
		d.waiting = time.Time{}
	case d.waiting.IsZero():
		d.waiting = time.Now()
	}
}
