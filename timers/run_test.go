package timers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fixture is a running Timer inside a synctest bubble that records its calls.
type fixture struct {
	*Timer[string]
	offset atomic.Int64 // what the server's clock is ahead, in nanoseconds
	epoch  time.Time
	stop   func()

	mu        sync.Mutex
	fired     []string
	overflows []time.Time
	errs      []error
}

// setup starts a Timer. Fire, Overflow, OnLoadError and Now are the fixture's.
func setup(t *testing.T, opts Options[string]) *fixture {
	t.Helper()
	f := &fixture{epoch: time.Now()}
	opts.Now = func() time.Time { return time.Now().Add(time.Duration(f.offset.Load())) }
	opts.Fire = func(keys []string) { f.record(func() { f.fired = append(f.fired, keys...) }) }
	opts.Overflow = func(due time.Time) { f.record(func() { f.overflows = append(f.overflows, due) }) }
	opts.OnLoadError = func(err error) { f.record(func() { f.errs = append(f.errs, err) }) }
	f.Timer = New(opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	synctest.Wait()
	return f
}

func (f *fixture) record(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// announced returns the instants for which Overflow was called.
func (f *fixture) announced() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.overflows)
}

// failures returns what OnLoadError was told.
func (f *fixture) failures() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

// in returns an instant d after the start of the test.
func (f *fixture) in(d time.Duration) time.Time { return f.epoch.Add(d) }

// sleepUntil lets the bubble's time run to d after the start of the test.
func (f *fixture) sleepUntil(d time.Duration) {
	<-time.After(time.Until(f.in(d)))
	synctest.Wait()
}

// want checks what was fired since the last call.
func (f *fixture) want(t *testing.T, keys ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.fired, keys) {
		t.Errorf("after %v: fired %q, want %q", time.Since(f.epoch), f.fired, keys)
	}
	f.fired = nil
}

func TestTimerFiresAtTheInstantOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("a", f.in(10*time.Second))
		f.sleepUntil(10*time.Second - 1)
		f.want(t)
		f.sleepUntil(10 * time.Second)
		f.want(t, "a")
		f.sleepUntil(time.Hour)
		f.want(t)
		f.stop()
	})
}

func TestTimerFiresInDueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("past 2", f.in(-time.Second))
		f.Set("c", f.in(3*time.Second))
		f.Set("b", f.in(2*time.Second))
		f.Set("a", f.in(2*time.Second-1))
		f.sleepUntil(0)
		f.want(t, "past 2")
		f.sleepUntil(2*time.Second - 1)
		f.want(t, "a")
		f.sleepUntil(time.Minute)
		f.want(t, "b", "c")
		f.stop()
	})
}

func TestTimerMoveAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("a", f.in(20*time.Second))
		f.Set("b", f.in(20*time.Second))
		f.Set("c", f.in(20*time.Second))
		f.sleepUntil(5 * time.Second)
		f.Set("a", f.in(10*time.Second)) // while Run sleeps until 20 s
		f.Set("b", f.in(25*time.Second))
		f.Cancel("c")
		f.sleepUntil(10*time.Second - 1)
		f.want(t)
		f.sleepUntil(10 * time.Second)
		f.want(t, "a")
		f.sleepUntil(25*time.Second - 1)
		f.want(t)
		f.sleepUntil(25 * time.Second)
		f.want(t, "b")
		if f.Len() != 0 {
			t.Errorf("Len = %d, want 0", f.Len())
		}
		f.stop()
	})
}

func TestTimerReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("old", f.in(5*time.Second))
		f.Reset([]Entry[string]{{"a", f.in(2 * time.Second)}, {"late", f.in(-time.Second)}}, time.Time{})
		f.sleepUntil(0)
		f.want(t, "late")
		f.sleepUntil(time.Minute)
		f.want(t, "a")
		f.stop()
	})
}

func TestTimerSetAgainInsideFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var timer *Timer[string]
		var fired []time.Duration
		epoch := time.Now()
		timer = New(Options[string]{Fire: func(keys []string) {
			fired = append(fired, time.Since(epoch))
			if len(fired) < 3 {
				timer.Set(keys[0], time.Now().Add(time.Second))
			}
		}})
		timer.Set("a", epoch.Add(time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := timer.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}; !slices.Equal(fired, want) {
			t.Errorf("fired at %v, want %v", fired, want)
		}
	})
}

func TestTimerClockStepsForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("a", f.in(time.Hour))
		f.Set("b", f.in(2*time.Hour))
		f.sleepUntil(time.Second)
		f.offset.Store(int64(time.Hour))
		f.Kick()
		synctest.Wait()
		f.want(t, "a")

		f.offset.Store(int64(2 * time.Hour)) // nobody tells
		f.sleepUntil(31*time.Second - 1)
		f.want(t)
		f.sleepUntil(31 * time.Second)
		f.want(t, "b")
		f.stop()
	})
}

func TestTimerClockStepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		f.Set("a", f.in(10*time.Second))
		f.Set("b", f.in(20*time.Second))
		f.sleepUntil(10 * time.Second)
		f.want(t, "a")
		f.offset.Store(-int64(time.Minute))
		f.Kick()
		f.sleepUntil(80*time.Second - 1) // a is not fired again
		f.want(t)
		f.sleepUntil(80 * time.Second)
		f.want(t, "b")
		f.stop()
	})
}

func TestTimerHoldsEverythingWithoutLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{Limit: 2})
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			f.Set(k, f.in(time.Second))
		}
		if _, ok := f.Horizon(); ok || f.Len() != 5 {
			t.Errorf("Len = %d, horizon %v; want all 5", f.Len(), ok)
		}
		f.stop()
	})
}

func TestTimerFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 100 {
					key := fmt.Sprint(i, j)
					f.Set(key, f.in(time.Duration(j)*time.Second))
					f.Set("gone"+key, f.in(time.Hour))
					f.Cancel("gone" + key)
					f.Kick()
				}
			})
		}
		all.Wait()
		f.sleepUntil(2 * time.Hour)
		f.stop()
		slices.Sort(f.fired)
		if n := len(slices.Compact(f.fired)); n != 800 || len(f.fired) != 800 {
			t.Errorf("fired %d keys, %d different; want 800", len(f.fired), n)
		}
	})
}

func TestTimerRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, Options[string]{})
		if err := f.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run = %v, want ErrRunning", err)
		}
		f.stop()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.Run(ended); err != nil {
			t.Errorf("Run after the end of the first = %v", err)
		}
	})
}

func TestTimerOptions(t *testing.T) {
	load := func(context.Context, time.Time) ([]Entry[int], time.Time, error) { return nil, time.Time{}, nil }
	for _, opts := range []Options[int]{{}, {Fire: func([]int) {}, Load: load}} {
		if err := New(opts).Run(t.Context()); !errors.Is(err, ErrOptions) {
			t.Errorf("Run = %v, want ErrOptions", err)
		}
	}
}
