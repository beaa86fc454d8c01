package dispatcher

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// followed makes the dispatcher hear of changes as the engine does, a moment
// after they were made.
func (b *bench) followed() *bench {
	b.m.follow(func(ev tasks.Event) { time.AfterFunc(trip/2, func() { follow(b, ev) }) })
	return b
}

// lasts makes the length of a run of class Mail, in milliseconds, its kwargs.
func lasts(d time.Duration) func(*tasks.Task) {
	return func(t *tasks.Task) { t.MaxAttempts = int(d / time.Millisecond) } // nothing here reads it
}

// waits notes how long after its insertion each task was started.
type waits struct {
	mu    sync.Mutex
	waits map[time.Duration][]time.Duration // by length
}

func (w *waits) run(ctx context.Context, h *tasks.Held) tasks.Outcome {
	length := time.Duration(h.MaxAttempts) * time.Millisecond
	w.mu.Lock()
	w.waits[length] = append(w.waits[length], time.Since(h.TsInsert))
	w.mu.Unlock()
	if length > 0 {
		select {
		case <-time.After(length):
		case <-ctx.Done():
			return tasks.Outcome{State: tasks.Request}
		}
	}
	return succeeded
}

// p99 of the waits of runs of a length, and how many there are.
func (w *waits) p99(length time.Duration) (p99 time.Duration, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ds := w.waits[length]
	slices.Sort(ds)
	return ds[len(ds)*99/100], len(ds)
}

// Two processes with four processors each have at most six long tasks at a time:
// nothing short waits for them.
func TestShortTasksDoNotWaitForLongOnes(t *testing.T) {
	for name, c := range map[string]struct {
		class       string // of the long tasks
		short       time.Duration
		every, each time.Duration // between two short tasks, between two long ones
		longs       int
	}{
		"no-ops beside a long class":         {"Long", 0, 2 * time.Millisecond, 170 * time.Millisecond, 14},
		"no-ops in bursts":                   {"Long", 0, 10 * time.Microsecond, 170 * time.Millisecond, 12},
		"short ones beside a long class":     {"Long", 4 * time.Millisecond, 4 * time.Millisecond, 170 * time.Millisecond, 14},
		"no-ops beside long ones of a class": {"Mail", 0, 2 * time.Millisecond, 340 * time.Millisecond, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				a, b := warm(t, m, "a", 4).followed(), warm(t, m, "b", 4).followed()
				w := &waits{waits: map[time.Duration][]time.Duration{}}
				a.handler.run, b.handler.run = w.run, w.run
				var wg sync.WaitGroup
				wg.Go(func() {
					for range c.longs {
						a.insert(lasts(time.Second), func(t *tasks.Task) { t.TaskClass = c.class })
						<-time.After(c.each)
					}
				})
				length := time.Duration(c.longs) * c.each
				n := min(int(length/c.every), 2500)
				for range n {
					a.insert(lasts(c.short))
					<-time.After(c.every)
				}
				wg.Wait()
				a.finished(10 * time.Second)
				p99, ran := w.p99(c.short)
				t.Logf("p99 %v of %d; %+v %+v", p99, ran, a.d.Stats(), b.d.Stats())
				if p99 > 50*time.Millisecond || ran != n {
					t.Errorf("%d short tasks of %d ran; p99 of their waits is %v", ran, n, p99)
				}
				a.stop()
				b.stop()
			})
		})
	}
}

// All runs of a class that was short become long, here only. What was claimed
// ahead goes back untouched, and runs where there is a processor.
func TestClassThatBecameLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a, b := warm(t, m, "a", 2), warm(t, m, "b", 2)
		gate := make(chan struct{})
		a.handler.run = until(gate)
		due := map[tasks.ID]time.Time{}
		for range 300 {
			c := a.insert()
			due[c.ID] = c.TsRequest
		}
		advance(time.Millisecond)
		a.followed().d.Wake()
		advance(2*trip + time.Millisecond)
		if n := a.ahead(); n < 250 {
			t.Fatalf("%d are ahead", n)
		}
		before := a.d.Stats()
		for begin := time.Now(); a.ahead() > 0; advance(time.Millisecond) {
			if time.Since(begin) > 60*time.Millisecond {
				t.Fatalf("%d are ahead after %v", a.ahead(), time.Since(begin))
			}
		}
		advance(trip)
		for id, at := range due {
			got := a.task(id)
			if got.State == tasks.Request && (!got.TsRequest.Equal(at) || got.Attempt != 0 || got.LastLog != "" || got.Processor != "" || got.Holder != "" || len(got.Errors) > 0) {
				t.Fatalf("given back as %+v", got)
			}
		}
		advance(trip)
		b.followed().d.Wake()
		advance(10 * trip)
		if n := m.open(); n != 2 {
			t.Errorf("%d tasks are left beside the two that run", n)
		}
		if n := a.d.Stats().Sweeps - before.Sweeps; n > 2 {
			t.Errorf("%d sweeps while all processors are busy", n)
		}
		close(gate)
		a.finished(time.Second)
		a.stop()
		b.stop()
	})
}

// A sweep that reads while given back tasks are being written does not see them,
// and nobody else tells of them.
func TestWhatWasGivenBackIsFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := stuffed(t, gate)
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "Finish" {
				<-time.After(time.Second)
			}
			return slow(ctx, s)
		})
		advance(60 * time.Millisecond)
		if n := b.ahead(); n != 0 {
			t.Errorf("%d are ahead", n)
		}
		close(gate)
		advance(500 * time.Millisecond)
		if _, due, _ := b.d.Busy(); due {
			t.Error("the sweep is yet to come")
		}
		b.idleSoon(time.Minute)
		if n := b.m.open(); n > 0 {
			t.Errorf("%d tasks are left", n)
		}
		b.stop()
	})
}

// While all of its processors are busy a process leaves alone what it gave back,
// for as long as it takes.
func TestWhatWasGivenBackIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := warm(t, newMemory(), "p", 2).followed()
		gate := make(chan struct{})
		b.handler.run = until(gate)
		for range 300 {
			b.insert()
		}
		b.d.Wake()
		advance(100 * time.Millisecond)
		before := b.d.Stats()
		for range 100 {
			if n := b.m.held(); n != 2 {
				t.Fatalf("%d tasks are held by two processors", n)
			}
			advance(time.Millisecond)
		}
		if after := b.d.Stats(); after != before {
			t.Errorf("stats %+v, then %+v", before, after)
		}
		close(gate)
		b.finished(time.Second)
		b.stop()
	})
}

// Most processors are busy for long. What is claimed ahead for the rest must be
// what the rest can do.
func TestWorkAheadOfFewFreeProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a, b := warm(t, m, "a", 20), warm(t, m, "b", 20)
		w := &waits{waits: map[time.Duration][]time.Duration{}}
		a.handler.run, b.handler.run = w.run, w.run
		for range 50 { // Mail takes 4 ms now
			a.insert(lasts(4 * time.Millisecond))
		}
		a.d.Wake()
		a.finished(time.Second)
		for range 19 {
			a.insert(lasts(5*time.Second), func(t *tasks.Task) { t.TaskClass = "Long" })
		}
		a.d.Wake()
		advance(time.Second)
		a.followed()
		b.followed()
		clear(w.waits)
		for range 100 {
			a.insert(lasts(4 * time.Millisecond))
			a.d.Wake() // has a start
		}
		advance(trip)
		b.d.Wake()
		advance(time.Second)
		if p99, n := w.p99(4 * time.Millisecond); n != 100 || p99 > 50*time.Millisecond {
			t.Errorf("%d of 100 ran, p99 %v", n, p99)
		}
		a.finished(10 * time.Second)
		a.stop()
		b.stop()
	})
}

// Singletons that are refused one by one keep nothing else waiting.
func TestShortTasksDoNotWaitForRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := warm(t, newMemory(), "p", 20)
		w := &waits{waits: map[time.Duration][]time.Duration{}}
		b.handler.run = w.run
		h := b.going(single, "Single/")
		b.d.mu.Lock()
		b.d.lengths["Single"] = length{time.Microsecond, time.Microsecond}
		b.d.mu.Unlock()
		for range 15 {
			b.insert(single, priority(1))
		}
		for range 100 {
			b.insert()
		}
		b.d.Wake()
		advance(time.Second)
		if p99, n := w.p99(0); n != 100 || p99 > 3*trip {
			t.Errorf("%d of 100 ran, p99 %v", n, p99)
		}
		if s := b.d.Stats(); s.Blocked != 15 {
			t.Errorf("stats %+v", s)
		}
		b.ends(h, tasks.Success)
		b.stop()
	})
}

// A task of high priority waits for what is ahead, and not for the backlog.
func TestHighPriorityOvertakesTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := warm(t, newMemory(), "p", 4).followed()
		w := &waits{waits: map[time.Duration][]time.Duration{}}
		b.handler.run = w.run
		begin := make(chan time.Duration, 1)
		var urgent tasks.ID
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			if h.Priority == 9 {
				begin <- time.Since(h.TsInsert)
			}
			return w.run(ctx, h)
		}
		for range 20000 {
			b.insert(lasts(time.Millisecond))
		}
		b.d.Wake()
		advance(20 * trip)
		open := b.m.open()
		urgent = b.insert(priority(9)).ID
		wait := <-begin
		if left := b.m.open(); open < 5000 || left < 1000 {
			t.Errorf("of %d tasks %d were left when it started", open, left)
		}
		if wait > 100*time.Millisecond {
			t.Errorf("it waited %v", wait)
		}
		settled()
		b.cancel()
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.is(urgent, tasks.Success)
	})
}
