package watcher

import (
	"context"
	"errors"
	"sync"
)

// errSuspended is why a try ends that Suspend ended. Nobody sees it.
var errSuspended = errors.New("suspended")

// gate holds what Suspend and Resume ask for.
type gate struct {
	mu      sync.Mutex
	resumed chan struct{}           // closed by Resume; nil if not suspended
	cancel  context.CancelCauseFunc // ends the try under way; nil if there is none
}

// closed returns a channel that is closed by Resume, or nil if nobody asked for
// a suspension.
func (g *gate) closed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.resumed
}

// pass returns a context for one try, which ends with ctx or by Suspend. done
// must be called after the try.
func (g *gate) pass(ctx context.Context) (open context.Context, done func()) {
	open, cancel := context.WithCancelCause(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.resumed != nil {
		cancel(errSuspended)
	}
	g.cancel = cancel
	return open, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.cancel = nil
		cancel(context.Canceled)
	}
}

// Suspend asks Run to close the stream, on the server too, and to open none until
// Resume is called. It returns at once; State becomes Suspended when it is done.
// What the sink is doing is finished first, and so are a Prepare and an opening;
// a read is cut short. Suspending twice is the same as once. It may be called from
// any goroutine, also while Run does not run: the next Run begins suspended.
func (w *Watcher) Suspend() {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if w.gate.resumed != nil {
		return
	}
	w.gate.resumed = make(chan struct{})
	if w.gate.cancel != nil {
		w.gate.cancel(errSuspended)
	}
}

// Resume lets Run open a stream again, in the one path: what happened meanwhile
// is found by Sink.Reset. It returns at once; see Follows. Without a Suspend
// before it, it does nothing. It may be called from any goroutine.
func (w *Watcher) Resume() {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if w.gate.resumed != nil {
		close(w.gate.resumed)
		w.gate.resumed = nil
	}
}

// Follows reports whether a stream is open and Sink.Reset has read what was
// before it, so that nothing is missed at this moment.
func (w *Watcher) Follows() bool { return w.Stats().State == Following }

// rest waits until Run is resumed or ctx ends.
func (w *Watcher) rest(ctx context.Context, resumed <-chan struct{}) {
	w.counters.change(func(s *Stats) { s.Suspensions++ })
	w.counters.enter(Suspended)
	w.reopening = true
	select {
	case <-ctx.Done():
	case <-resumed:
	}
}
