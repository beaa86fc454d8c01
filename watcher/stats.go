package watcher

import (
	"sync"
	"time"
)

// State says what a Watcher is doing.
type State string

// The states of a Watcher.
const (
	Stopped   State = "stopped"   // Run has not been called, or has returned
	Opening   State = "opening"   // preparing, opening a stream, or in Sink.Reset
	Following State = "following" // reading events
	Waiting   State = "waiting"   // between two tries
	Suspended State = "suspended" // by Suspend: no stream is open
)

// Stats is what a Watcher has done so far.
type Stats struct {
	State     State
	Since     time.Time // when State began; zero before the first Run
	Openings  int64     // streams opened
	Resets    int64     // calls of Sink.Reset that succeeded
	Events    int64     // events that the sink took
	LastError string    // why the last stream or try failed; "" if none has

	Suspensions int64 // times that Run came to rest because of Suspend
	Reopenings  int64 // first Resets after a suspension that succeeded
}

// counters guard Stats, which Run's goroutine writes and others read.
type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) change(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

func (c *counters) enter(st State) {
	c.change(func(s *Stats) { s.State, s.Since = st, time.Now() })
}

// Stats returns what the Watcher is doing and has done. It may be called from any
// goroutine.
func (w *Watcher) Stats() Stats {
	w.counters.mu.Lock()
	defer w.counters.mu.Unlock()
	return w.counters.s
}
