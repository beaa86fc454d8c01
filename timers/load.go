package timers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errOverrun is reported to OnLoadError when the changes during one Load were
// more than the wheel may hold, so that its result cannot be used.
var errOverrun = errors.New("timers: too many changes during Load, the window is loaded again")

// window is the part of a Timer that concerns the horizon. Timer.mu guards it.
type window[K comparable] struct {
	// crowded is a horizon whose instant has more entries than fit: it is not
	// loaded again but announced by Overflow. It counts while it equals the
	// horizon.
	crowded time.Time

	// While a Load runs, cancel is not nil, from is the horizon it began with,
	// and changed has the newest due time (nil: cancelled) of each key that
	// changed: what Load returns for these is older.
	cancel  context.CancelFunc
	from    time.Time
	changed map[K]*time.Time
	overrun bool
}

// note records a change during a Load; due is nil for a Cancel.
func (w *window[K]) note(key K, due *time.Time, limit int) {
	if w.cancel == nil || w.overrun {
		return
	}
	w.changed[key] = due
	if len(w.changed) > limit {
		w.overrun, w.changed = true, nil
	}
}

// begin prepares for a Load from the given instant.
func (w *window[K]) begin(from time.Time, cancel context.CancelFunc) {
	w.from, w.cancel = from, cancel
	w.changed, w.overrun = make(map[K]*time.Time), false
}

// abandon ends a Load, if one is running, without using its result.
func (w *window[K]) abandon() {
	if w.cancel != nil {
		w.cancel()
	}
	*w = window[K]{crowded: w.crowded}
}

// overflow returns the crowded instant, if there is one and it has arrived.
// The horizon then moves past that instant, so that what is set for it from
// now on is held and fires.
func (w *window[K]) overflow(wheel *Wheel[K], now time.Time) (time.Time, bool) {
	h, ok := wheel.Horizon()
	if !ok || !w.crowded.Equal(h) || now.Before(h) {
		return time.Time{}, false
	}
	wheel.SetHorizon(h.Add(1))
	return h, true
}

// merge adds what Load returned to the wheel. What changed meanwhile below the
// old horizon is in the wheel already, or has fired, and stays as it is.
func (w *window[K]) merge(wheel *Wheel[K], entries []Entry[K], horizon time.Time, limit int) {
	if !horizon.IsZero() && !horizon.After(w.from) {
		w.crowded = w.from
		return
	}
	wheel.SetHorizon(horizon)
	for _, e := range entries {
		if _, ok := w.changed[e.Key]; !ok {
			wheel.Set(e.Key, e.Due)
		}
	}
	for key, due := range w.changed {
		if due != nil && !due.Before(w.from) {
			wheel.Set(key, *due)
		}
	}
	// The wheel may have been cut back to where it was. If that happened with
	// half of it free, loading again would end in the same way.
	if h, ok := wheel.Horizon(); ok && h.Equal(w.from) && wheel.Len() <= limit/2 {
		w.crowded = h
	}
}

// loader runs Load for one Run of a Timer. Its fields belong to Run's
// goroutine.
type loader[K comparable] struct {
	t       *Timer[K]
	done    chan loaded[K] // capacity 1: at most one Load at a time
	active  bool           // a Load runs or its result was not taken yet
	backoff backoff
	retryAt time.Time // local time before which Load is not called again
	group   sync.WaitGroup
}

// loaded is the result of one Load.
type loaded[K comparable] struct {
	entries []Entry[K]
	horizon time.Time
	err     error
}

func newLoader[K comparable](t *Timer[K]) *loader[K] {
	return &loader[K]{t: t, done: make(chan loaded[K], 1)}
}

// startLocked starts a Load if it is time for one. Timer.mu is held.
func (l *loader[K]) startLocked(ctx context.Context, now time.Time) {
	if l.active || l.waitLocked(now) > 0 {
		return
	}
	from, _ := l.t.wheel.Horizon()
	ctx, cancel := context.WithCancel(ctx)
	l.t.window.begin(from, cancel)
	l.active = true
	l.group.Go(func() {
		defer cancel()
		entries, horizon, err := l.t.opts.Load(ctx, from)
		l.done <- loaded[K]{entries: entries, horizon: horizon, err: err}
	})
}

// waitLocked returns how long the loader has nothing to do, at most reanchor.
// Timer.mu is held.
func (l *loader[K]) waitLocked(now time.Time) time.Duration {
	horizon, ok := l.t.wheel.Horizon()
	if !ok || l.active || l.t.opts.Load == nil {
		return reanchor
	}
	if l.t.window.crowded.Equal(horizon) {
		return min(horizon.Sub(now), reanchor)
	}
	start := horizon
	if l.t.wheel.Len() <= l.t.opts.Limit/2 {
		start = horizon.Add(-l.t.opts.Lead)
	}
	return min(max(start.Sub(now), time.Until(l.retryAt)), reanchor)
}

// finish takes the result of a Load.
func (l *loader[K]) finish(r loaded[K]) {
	l.active = false
	if err := l.use(r); err != nil {
		l.retryAt = time.Now().Add(l.backoff.next())
		if l.t.opts.OnLoadError != nil {
			l.t.opts.OnLoadError(err)
		}
		return
	}
	l.backoff.reset()
}

// use merges the result into the wheel, if it still fits: after a Reset it is
// forgotten, and if the horizon was lowered meanwhile it would leave a hole.
func (l *loader[K]) use(r loaded[K]) error {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &t.window
	if w.cancel == nil {
		return nil
	}
	defer w.abandon()
	switch h, _ := t.wheel.Horizon(); {
	case r.err != nil:
		return r.err
	case w.overrun:
		return errOverrun
	case h.Equal(w.from):
		w.merge(t.wheel, r.entries, r.horizon, t.opts.Limit)
	}
	return nil
}

// wait abandons a Load that runs and waits for its goroutine.
func (l *loader[K]) wait() {
	l.t.mu.Lock()
	l.t.window.abandon()
	l.t.mu.Unlock()
	l.group.Wait()
}
