package timers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// database is what Load reads: the entries and a page size.
type database struct {
	mu    sync.Mutex
	all   map[string]time.Time
	page  int
	fail  error
	hold  chan struct{} // not nil: Load waits for it after reading
	calls []time.Time   // the from of each call
}

func newDatabase(page int) *database {
	return &database{page: page, all: map[string]time.Time{}}
}

// set writes an entry into the database and then tells the timer, as the
// stream of changes does.
func (d *database) set(f *fixture, key string, due time.Time) {
	d.mu.Lock()
	d.all[key] = due
	d.mu.Unlock()
	f.Set(key, due)
}

func (d *database) load(ctx context.Context, from time.Time) ([]Entry[string], time.Time, error) {
	d.mu.Lock()
	d.calls = append(d.calls, from)
	entries, horizon := d.readLocked(from)
	hold, fail := d.hold, d.fail
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, time.Time{}, ctx.Err()
		}
	}
	return entries, horizon, fail
}

// readLocked returns a page of entries, without dividing an instant.
func (d *database) readLocked(from time.Time) ([]Entry[string], time.Time) {
	var found []Entry[string]
	for k, due := range d.all {
		if !due.Before(from) {
			found = append(found, Entry[string]{k, due})
		}
	}
	slices.SortFunc(found, func(a, b Entry[string]) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Key, b.Key))
	})
	if len(found) <= d.page {
		return found, time.Time{}
	}
	horizon := found[d.page].Due
	n := slices.IndexFunc(found, func(e Entry[string]) bool { return !e.Due.Before(horizon) })
	return found[:n], horizon
}

// loads returns the from of each call so far.
func (d *database) loads() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *database) change(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// start is setup with a first window, as at the start of a process.
func (d *database) start(t *testing.T, opts Options[string]) *fixture {
	t.Helper()
	opts.Load = d.load
	f := setup(t, opts)
	d.mu.Lock()
	entries, horizon := d.readLocked(f.epoch.Add(-time.Hour))
	d.mu.Unlock()
	f.Reset(entries, horizon)
	synctest.Wait()
	return f
}

func TestTimerLoadsWindowAfterWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(4)
		var want []string
		for i := range 50 {
			key := fmt.Sprintf("%02d", i)
			d.all[key] = time.Now().Add(time.Duration(i+1) * time.Minute)
			want = append(want, key)
		}
		f := d.start(t, Options[string]{Limit: 8})
		if h, _ := f.Horizon(); f.Len() != 4 || !h.Equal(f.in(5*time.Minute)) {
			t.Errorf("Len = %d, horizon %v; want 4 and 5 min", f.Len(), h)
		}
		f.sleepUntil(5*time.Minute - DefaultLead - 1)
		if len(d.loads()) != 0 {
			t.Errorf("Load was called %d times before the lead", len(d.loads()))
		}
		f.sleepUntil(5*time.Minute - DefaultLead)
		if len(d.loads()) != 1 || !d.loads()[0].Equal(f.in(5*time.Minute)) {
			t.Errorf("Load calls %v, want one from 5 min", d.loads())
		}
		f.sleepUntil(51 * time.Minute)
		f.want(t, want...)
		if n := len(d.loads()); n > 50/4+1 || len(f.announced()) > 0 {
			t.Errorf("%d loads, %d overflows", n, len(f.announced()))
		}
		f.stop()
	})
}

func TestTimerDropsBeyondTheHorizonAndLoadsItInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(2)
		for i := range 5 {
			d.all[fmt.Sprint(i)] = time.Now().Add(time.Duration(i+1) * time.Hour)
		}
		f := d.start(t, Options[string]{Limit: 4})
		d.set(f, "far", f.in(3*time.Hour+time.Minute))
		d.set(f, "near", f.in(30*time.Minute))
		if f.Len() != 3 {
			t.Errorf("Len = %d, want 3", f.Len())
		}
		f.sleepUntil(6 * time.Hour)
		f.want(t, "near", "0", "1", "2", "far", "3", "4")
		f.stop()
	})
}

func TestTimerTriesAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(1)
		d.all["a"] = time.Now().Add(time.Minute)
		d.all["b"] = time.Now().Add(2 * time.Minute)
		d.fail = errors.New("no primary")
		f := d.start(t, Options[string]{Limit: 2})
		f.sleepUntil(90*time.Second + 100*time.Millisecond)
		if n := len(d.loads()); n < 2 || n > 3 {
			t.Errorf("%d loads in the first 100 ms, want 2 or 3", n)
		}
		f.sleepUntil(5 * time.Minute) // the horizon has passed
		if n := len(d.loads()); n < 20 || n > 60 {
			t.Errorf("%d loads in 3.5 min, want 20 to 60", n)
		}
		if n := len(f.failures()); n != len(d.loads()) || !errors.Is(f.failures()[0], d.fail) {
			t.Errorf("%d errors for %d loads, first %v", n, len(d.loads()), f.failures())
		}
		f.want(t, "a")
		d.change(func() { d.fail = nil })
		f.sleepUntil(5*time.Minute + backoffCap)
		f.want(t, "b")
		f.stop()
	})
}

func TestTimerKeepsChangesDuringLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(2)
		for i, key := range []string{"held 1", "held 2", "stays", "moved in", "moved on", "cancelled", "end"} {
			d.all[key] = time.Now().Add(time.Duration(i+1) * 10 * time.Second)
		}
		d.hold = make(chan struct{})
		f := d.start(t, Options[string]{Limit: 20, Lead: 25 * time.Second})
		d.change(func() { d.page = 4 }) // the Load will find all but "end"
		f.sleepUntil(5 * time.Second)   // it has read and is waiting
		if len(d.loads()) != 1 {
			t.Fatalf("%d loads, want 1", len(d.loads()))
		}
		d.set(f, "moved in", f.in(6*time.Second))
		d.set(f, "moved on", f.in(65*time.Second))
		d.set(f, "new", f.in(55*time.Second))
		d.set(f, "held 2", f.in(45*time.Second))
		d.set(f, "new far", f.in(90*time.Second))
		f.Cancel("cancelled")
		d.change(func() { delete(d.all, "cancelled") })
		f.sleepUntil(12 * time.Second)
		f.want(t, "moved in", "held 1")
		d.change(func() { close(d.hold); d.hold = nil })
		f.sleepUntil(30 * time.Second)
		f.want(t, "stays")
		f.sleepUntil(3 * time.Minute)
		f.want(t, "held 2", "new", "moved on", "end", "new far")
		f.stop()
	})
}

func TestTimerResetAbandonsALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(1)
		d.all["a"] = time.Now().Add(10 * time.Second)
		d.all["b"] = time.Now().Add(20 * time.Second)
		d.hold = make(chan struct{})
		f := d.start(t, Options[string]{Limit: 4})
		if len(d.loads()) != 1 {
			t.Fatalf("%d loads, want 1", len(d.loads()))
		}
		f.Reset([]Entry[string]{{"c", f.in(15 * time.Second)}}, time.Time{})
		f.sleepUntil(time.Hour)
		f.want(t, "c")
		if len(f.failures()) > 0 || len(d.loads()) != 1 {
			t.Errorf("errors %v, %d loads; want none and 1", f.failures(), len(d.loads()))
		}
		f.stop()
	})
}

func TestTimerStopEndsALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(1)
		d.all["a"] = time.Now().Add(10 * time.Second)
		d.all["b"] = time.Now().Add(20 * time.Second)
		d.hold = make(chan struct{}) // for ever: only the context ends it
		f := d.start(t, Options[string]{Limit: 4})
		f.stop()
	})
}

func TestTimerLoadsAgainAfterTooManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(1)
		d.all["a"] = time.Now().Add(10 * time.Second)
		d.all["b"] = time.Now().Add(20 * time.Second)
		d.hold = make(chan struct{})
		f := d.start(t, Options[string]{Limit: 4})
		for i := range 5 {
			d.set(f, fmt.Sprint(i), f.in(time.Duration(30+i)*time.Second))
		}
		d.change(func() { close(d.hold); d.hold = nil })
		f.sleepUntil(time.Minute)
		f.want(t, "a", "b", "0", "1", "2", "3", "4")
		if len(f.failures()) != 1 || !errors.Is(f.failures()[0], errOverrun) {
			t.Errorf("errors %v, want one overrun", f.failures())
		}
		f.stop()
	})
}

// More entries at one instant than the wheel holds are announced, once, at
// that instant, and what comes after them is fired as usual.
func TestTimerOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(4)
		f := d.start(t, Options[string]{Limit: 8})
		for i := range 30 {
			d.set(f, fmt.Sprintf("crowd %d", i), f.in(time.Minute))
		}
		d.set(f, "before", f.in(50*time.Second))
		d.set(f, "after", f.in(70*time.Second))
		if f.Len() > 10 {
			t.Errorf("Len = %d, want at most 10", f.Len())
		}
		f.sleepUntil(time.Minute - 1)
		f.want(t, "before")
		if n := len(d.loads()); n > 2 || len(f.announced()) != 0 {
			t.Errorf("%d loads, overflows %v before the instant", n, f.announced())
		}
		f.sleepUntil(time.Minute)
		f.want(t)
		if len(f.announced()) != 1 || !f.announced()[0].Equal(f.in(time.Minute)) {
			t.Errorf("overflows %v, want one at the minute", f.announced())
		}
		d.set(f, "too late", f.in(time.Minute)) // written after the caller looked
		synctest.Wait()
		f.want(t, "too late")
		f.sleepUntil(2 * time.Minute)
		f.want(t, "after")
		if n := len(d.loads()); n > 4 || len(f.announced()) != 1 {
			t.Errorf("%d loads, overflows %v", n, f.announced())
		}
		f.stop()
	})
}

// Whatever comes in which order: everything fires once, none early, unless an
// overflow announced its instant.
func TestTimerRandomLoad(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			d := newDatabase(5)
			f := d.start(t, Options[string]{Limit: 10, Lead: 20 * time.Second})
			for i := range 300 {
				if rnd.IntN(4) == 0 {
					f.sleepUntil(time.Since(f.epoch) + time.Duration(rnd.IntN(2000))*time.Millisecond)
				}
				d.set(f, fmt.Sprint(i), time.Now().Add(time.Duration(rnd.IntN(100))*time.Second).Truncate(time.Second))
				d.change(func() {
					if d.fail = nil; rnd.IntN(10) == 0 {
						d.fail = errors.New("unlucky")
					}
				})
				if f.Len() > 12 {
					t.Fatalf("seed %d: Len = %d", seed, f.Len())
				}
			}
			d.change(func() { d.fail = nil })
			f.sleepUntil(10 * time.Minute)
			f.stop()
			fired := map[string]int{}
			for _, k := range f.fired {
				fired[k]++
			}
			for k, due := range d.all {
				announced := slices.ContainsFunc(f.announced(), due.Equal)
				if n := fired[k]; n != 1 && !(n == 0 && announced) {
					t.Errorf("seed %d: %s, due %v, fired %d times (announced: %v)", seed, k, due, n, announced)
				}
			}
		})
	}
}
