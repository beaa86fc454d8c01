//go:build faults && linux

package clocks

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask"
)

// The rules that the figures are compared with.
const (
	lease     = 30 * time.Second
	askClock  = 30 * time.Second // how often a process asks for the server's clock
	safety    = 30 * time.Second // between two sweeps, which audit, at most
	scheduled = time.Second      // the interval of Beat
)

// Beat is the class of an interval.
type Beat struct{}

// Long is the class of a task that goes on while a clock is set.
type Long struct{ Millis int64 }

// Short is the class of tasks that do nothing.
type Short struct{}

// diary is what ran in a test, by the monotonic clock of this process.
type diary struct {
	mu   sync.Mutex
	runs map[lgtask.TaskID]int
	beat []time.Time
}

// diaries finds the diary of a handler by the name of its task database.
var diaries sync.Map

func note(t *lgtask.TaskContext) {
	found, ok := diaries.Load(t.Connection().Database().Name())
	if !ok {
		return
	}
	d := found.(*diary)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.runs[t.ID()]++
	if t.TaskClass() == "Beat" {
		d.beat = append(d.beat, time.Now())
	}
}

// Run implements lgtask.Runner.
func (*Beat) Run(_ context.Context, t *lgtask.TaskContext) error { note(t); return nil }

// Run implements lgtask.Runner.
func (*Short) Run(_ context.Context, t *lgtask.TaskContext) error { note(t); return nil }

// Run implements lgtask.Runner.
func (l *Long) Run(ctx context.Context, t *lgtask.TaskContext) error {
	note(t)
	select {
	case <-time.After(time.Duration(l.Millis) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// alarms collects what processors log when they take somebody for dead.
type alarms struct {
	mu   sync.Mutex
	text []string
}

// Write implements io.Writer.
func (a *alarms) Write(line []byte) (int, error) {
	for _, word := range []string{"go back", "sign of life", "missed"} {
		if strings.Contains(string(line), word) {
			a.mu.Lock()
			a.text = append(a.text, string(line))
			a.mu.Unlock()
		}
	}
	return len(line), nil
}

// start starts a process's worth of processors.
func (w *world) start(name string, log *alarms) {
	w.Helper()
	reg := lgtask.NewRegistry()
	lgtask.Register[Beat](reg)
	lgtask.Register[Long](reg)
	lgtask.Register[Short](reg)
	cfg := lgtask.Config{TaskDatabase: w.URI, TaskName: name, Processors: 3, LockDir: w.Dir, Grace: 100 * time.Millisecond}
	p, err := lgtask.NewProcessor(cfg, reg, lgtask.WithLogger(zerolog.New(log).Level(zerolog.WarnLevel)))
	if err == nil {
		err = p.Start(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lease)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			w.Errorf("stopping %s: %v", name, err)
		}
	})
}

// TestServerClockIsSet sets the server's clock, once or again and again, under work, and
// waits for longer than a lease: nobody is taken for dead, no task runs twice, and an
// interval goes on without a burst. What is due runs, but after a step back at the latest
// when the clock shows again what it showed before: so does a task that was enqueued by a
// process which had not yet asked for the clock again.
func TestServerClockIsSet(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"ahead":          {time.Hour},
		"back":           {-time.Hour},
		"a second back":  {-time.Second},
		"back and forth": {time.Minute, -time.Minute, time.Hour, 0, -time.Hour, 0, 5 * time.Second, -5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := &diary{runs: map[lgtask.TaskID]int{}}
			diaries.Store(w.DB.Name(), d)
			var log alarms
			w.start("a", &log)
			w.start("b", &log)
			w.id(w.Conn.IntervalTask(t.Context(), lgtask.In(scheduled), "Beat", nil))
			const long = lease + 10*time.Second
			var must []lgtask.TaskID // run exactly once
			for range 2 {
				must = append(must, w.id(lgtask.Create(t.Context(), w.Conn, &Long{long.Milliseconds()})))
			}
			soon := w.id(lgtask.Delayed(t.Context(), w.Conn, lgtask.In(2*time.Second), &Short{}))
			far := w.id(lgtask.Delayed(t.Context(), w.Conn, lgtask.In(30*time.Minute), &Short{}))
			w.Eventually("the interval begins", lease, func() bool { return d.beats() > 1 })
			stepped := time.Now()
			for _, by := range steps {
				w.set(by)
				must = append(must, w.id(lgtask.Create(t.Context(), w.Conn, &Short{})))
				w.lasts(time.Second)
			}
			last := steps[len(steps)-1]
			for time.Since(stepped) < long+5*time.Second {
				must = append(must, w.id(lgtask.Create(t.Context(), w.Conn, &Short{})))
				w.lasts(250 * time.Millisecond)
			}
			w.Eventually("what went on during the step has ended", lease, func() bool { return w.ended(must[:2]) })
			before := d.beats()
			w.Eventually("the interval goes on", scheduled+askClock+safety, func() bool { return d.beats() > before+2 })
			if last < 0 { // what is due by the clock before the step waits for as long as that
				w.set(0)
			}
			w.Eventually("all has ended", lease+safety, func() bool { return w.ended(must) })
			waited := w.Eventually("the delayed task runs", askClock+safety, func() bool { return w.task(soon).State == lgtask.StateSuccess })
			early := w.task(far).State == lgtask.StateSuccess
			if early && slices.Max(steps) < 30*time.Minute {
				t.Error("the task that is due in half an hour has run")
			}
			d.judge(t, append(must, soon), stepped)
			ahead := last < 0 || slices.Max(steps) > time.Second // the clock was set forward, if only back to right
			for _, line := range log.text {
				// What became due by the step is found by whoever looks first: the wheel
				// hears of the step when it next asks for the clock.
				if !ahead || !strings.Contains(line, "missed") {
					t.Errorf("a processor logged: %s", line)
				}
			}
			t.Logf("%d tasks once each; %d beats after the step, the longest pause %.1f s; the delayed one %.1f s after all else", len(must), d.beats(), d.longest(stepped).Seconds(), waited.Seconds())
		})
	}
}

func (w *world) ended(ids []lgtask.TaskID) bool {
	w.Helper()
	for _, id := range ids {
		if t := w.task(id); t.State.Final() && t.State != lgtask.StateSuccess {
			w.Fatalf("%s ended as %s: %s", id, t.State, t.LastLog)
		} else if !t.State.Final() {
			return false
		}
	}
	return true
}

func (d *diary) beats() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.beat)
}

// longest is the longest time between two beats since an instant.
func (d *diary) longest(since time.Time) (most time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 1; i < len(d.beat); i++ {
		if d.beat[i].After(since) {
			most = max(most, d.beat[i].Sub(d.beat[i-1]))
		}
	}
	return max(most, time.Since(d.beat[len(d.beat)-1]))
}

// judge checks that each task ran once, and how the interval went.
func (d *diary) judge(t *testing.T, ids []lgtask.TaskID, stepped time.Time) {
	t.Helper()
	if most := d.longest(stepped); most > scheduled+askClock+safety {
		t.Errorf("the interval stood still for %v", most)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if d.runs[id] != 1 {
			t.Errorf("%s ran %d times", id, d.runs[id])
		}
	}
	for i := 3; i < len(d.beat); i++ { // a step makes one run due at once
		if in := d.beat[i].Sub(d.beat[i-3]); in < scheduled {
			t.Errorf("four runs of the interval within %v", in)
		}
	}
}
