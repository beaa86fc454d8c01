package dispatcher

import (
	"slices"
	"time"
)

// ready is what was claimed ahead and is not started, the first to start first.
type ready struct {
	list    []*running
	length       // the sum, as far as one can tell
	shared  int  // processors that take one task after the other from it
	watched bool // spread will be called
	pulled  int  // since it is watched
}

// A processor more takes from what is ready if there is more than share of work
// for each of those that do. All do if at the pace of the last stalled it would
// last four times as long: it takes longer than it was taken to.
const (
	share   = 2 * time.Millisecond
	stalled = 5 * time.Millisecond
)

func (q *ready) push(r *running, l length) {
	r.length = l
	at := len(q.list)
	for at > 0 && q.list[at-1].held.Priority < r.held.Priority {
		at--
	}
	q.list = slices.Insert(q.list, at, r)
	q.careful += l.careful
	q.typical += l.typical
}

func (q *ready) pull() *running {
	r := q.list[0]
	q.pulled++
	q.careful -= r.length.careful
	q.typical -= r.length.typical
	if q.list = q.list[1:]; len(q.list) == 0 {
		q.list = nil
	}
	return r
}

// all empties it.
func (q *ready) all() []*running {
	list := q.list
	q.list, q.length = nil, length{}
	return list
}

// startReadyLocked lets free processors begin to take from what is ready: as many
// as its work is worth, or every one. What is done in no time is left to few, who
// run many tasks in a row without a switch of goroutines in between, and whose
// ends share a statement: the server spends 45 µs a task on ends in groups of 10,
// and 30 on groups of 1,000.
func (l *loop) startReadyLocked(every bool) {
	// With the lock: stop takes what is ready before it waits for the pool, which
	// takes nothing more then.
	for len(l.ready.list) > 0 && len(l.free) > 0 && !l.closedLocked() && l.come.Err() == nil &&
		(every || l.ready.typical > share*time.Duration(l.ready.shared)) {
		last := len(l.free) - 1
		name := l.free[last]
		l.free = l.free[:last]
		l.ready.shared++
		l.run(l.pullLocked(name))
	}
	if len(l.ready.list) > 0 && len(l.free) > 0 && !l.ready.watched {
		l.ready.watched, l.ready.pulled = true, 0
		l.spreading.Reset(stalled)
	}
}

// spread lets every free processor begin to take from what is ready if those that
// do seem to be held up. It is called by a timer: Run's goroutine may be waiting
// for the database.
func (l *loop) spread() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready.watched = false
	l.startReadyLocked(len(l.ready.list) > 4*l.ready.pulled)
}

// pullLocked takes the next task that was claimed ahead, for the processor.
func (l *loop) pullLocked(name string) *running {
	r := l.ready.pull()
	r.held.Processor = name
	l.pulled = time.Now()
	r.started = l.pulled
	if l.backlog || l.goesOn {
		l.poke() // there may be room again
	}
	return r
}
