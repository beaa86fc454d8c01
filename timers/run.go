package timers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// reanchor is the longest sleep: after it the clock is asked again, so that a
// step or a suspension of which nobody told us costs no more.
const reanchor = 30 * time.Second

// Errors returned by [Timer.Run].
var (
	// ErrRunning is returned when Run is called while another Run of the same
	// Timer has not returned.
	ErrRunning = errors.New("timers: Run was called twice; build one Timer for each Run")
	// ErrOptions is returned when Options lacks a required function.
	ErrOptions = errors.New("timers: Options.Fire is required, and Options.Overflow with Options.Load")
)

// Timer fires keys at their instants. Build it with [New], call [Timer.Run] on
// a goroutine, and use the other methods from any goroutine, also before Run.
type Timer[K comparable] struct {
	opts Options[K]
	kick chan struct{} // capacity 1: Run must look again

	mu      sync.Mutex
	wheel   *Wheel[K]
	running bool
	window  window[K]
}

// New returns a Timer that holds nothing and has no horizon, which means that
// everything it will ever fire is told by Set. A caller with entries in a
// database calls [Timer.Reset] with the first window.
func New[K comparable](opts Options[K]) *Timer[K] {
	opts = opts.withDefaults()
	limit := opts.Limit
	if opts.Load == nil {
		limit = 0
	}
	return &Timer[K]{
		opts:  opts,
		kick:  make(chan struct{}, 1),
		wheel: NewWheel[K](limit),
	}
}

// Set makes key due at the given instant, adding it or moving it. What is due
// beyond the horizon is not held, it comes with a later window.
func (t *Timer[K]) Set(key K, due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.window.note(key, &due, t.opts.Limit)
	t.changeLocked(func() { t.wheel.Set(key, due) })
}

// Cancel removes key. A key that is not held is ignored. A Fire that has begun
// may still contain the key.
func (t *Timer[K]) Cancel(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.window.note(key, nil, t.opts.Limit)
	t.wheel.Cancel(key)
}

// Reset replaces everything held by the given entries and horizon (zero:
// none), as after a fresh look at the database. A Load under way is abandoned.
// What was set before Reset is forgotten, so a caller that follows changes
// applies those newer than its look after the Reset.
func (t *Timer[K]) Reset(entries []Entry[K], horizon time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.window.abandon()
	t.window.crowded = time.Time{}
	t.wheel.Reset()
	t.wheel.SetHorizon(horizon)
	for _, e := range entries {
		t.wheel.Set(e.Key, e.Due)
	}
	t.Kick()
}

// Kick makes Run ask the clock again at once. Call it when the estimate behind
// Options.Now has changed.
func (t *Timer[K]) Kick() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Len returns the number of entries held.
func (t *Timer[K]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wheel.Len()
}

// Horizon returns the end of the window, and false if everything is held.
func (t *Timer[K]) Horizon() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wheel.Horizon()
}

// Run fires entries until ctx ends and then returns nil, after the goroutine it
// started has ended. It returns [ErrRunning] or [ErrOptions] at once if it
// cannot start. It may be called again after it returned.
func (t *Timer[K]) Run(ctx context.Context) error {
	if t.opts.Fire == nil || t.opts.Load != nil && t.opts.Overflow == nil {
		return ErrOptions
	}
	if !t.start() {
		return ErrRunning
	}
	loader := newLoader(t)
	defer t.stop(loader)
	sleep := time.NewTimer(reanchor)
	defer sleep.Stop()
	for ctx.Err() == nil {
		if t.step(ctx, loader) {
			continue
		}
		sleep.Reset(t.sleepFor(loader))
		select {
		case <-ctx.Done():
		case <-t.kick:
		case <-sleep.C:
		case result := <-loader.done:
			loader.finish(result)
		}
	}
	return nil
}

// step does what is due now and reports whether it called back, in which case
// the clock has moved on and the caller looks again before it sleeps.
func (t *Timer[K]) step(ctx context.Context, l *loader[K]) bool {
	now := t.opts.Now()
	t.mu.Lock()
	keys := t.wheel.Expire(now)
	crowded, overflow := t.window.overflow(t.wheel, now)
	l.startLocked(ctx, now)
	t.mu.Unlock()
	if len(keys) > 0 {
		t.opts.Fire(keys)
	}
	if overflow {
		t.opts.Overflow(crowded)
	}
	return len(keys) > 0 || overflow
}

// sleepFor returns how long nothing is to be done, at most reanchor.
func (t *Timer[K]) sleepFor(l *loader[K]) time.Duration {
	now := t.opts.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	d := reanchor
	if next, ok := t.wheel.Next(); ok {
		d = min(d, next.Sub(now))
	}
	return max(min(d, l.waitLocked(now)), 0)
}

// changeLocked applies a change to the wheel and wakes Run if that makes
// something due earlier or brings the horizon nearer.
func (t *Timer[K]) changeLocked(change func()) {
	next, held := t.wheel.Next()
	horizon, _ := t.wheel.Horizon()
	change()
	if now, ok := t.wheel.Next(); ok && (!held || now.Before(next)) {
		t.Kick()
	}
	if h, _ := t.wheel.Horizon(); !h.Equal(horizon) {
		t.Kick()
	}
}

func (t *Timer[K]) start() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		return false
	}
	t.running = true
	return true
}

func (t *Timer[K]) stop(l *loader[K]) {
	l.wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
}
