//go:build faults && unix

package schedules

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// TestScheduleRace has twenty processors in four processes drive an interval of a second
// from start to start, while one process after the other restarts: each occurrence has one
// run, none is left out, none comes twice.
func TestScheduleRace(t *testing.T) {
	lasts := 30 * time.Second
	if text := os.Getenv("FAULTS_TIME"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("FAULTS_TIME: %v", err)
		}
	}
	w := newWorld(t)
	names := []string{"a", "b", "c", "d"}
	var ps []*lgtask.Processor
	for _, name := range names {
		ps = append(ps, w.start(name, 5))
	}
	if _, err := w.Conn.IntervalTask(t.Context(), lgtask.In(time.Second), "Job", nil, lgtask.FromStart()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w.eventually("the first run", func() bool { return len(w.all()) > 0 })
	restarts := 0
	for time.Since(began) < lasts {
		ran := len(w.all())
		w.eventually("two more runs", func() bool { return len(w.all()) >= ran+2 })
		i := restarts % len(names)
		w.stop(ps[i])
		ps[i] = w.start(names[i], 5)
		restarts++
	}
	runs := w.all()
	took := runs[len(runs)-1].at.Sub(runs[0].at)
	seen := map[lgtask.TaskID]int{}
	var closest, farthest time.Duration
	for i, r := range runs {
		if seen[r.id]++; seen[r.id] > 1 {
			t.Errorf("%s ran %d times", r.id, seen[r.id])
		}
		if i == 0 {
			continue
		}
		gap := r.at.Sub(runs[i-1].at)
		if closest == 0 || gap < closest {
			closest = gap
		}
		farthest = max(farthest, gap)
	}
	// A busy machine may start a run late, but the pace is kept.
	if want := took.Seconds(); float64(len(runs)-1) > want+1 || float64(len(runs)-1) < want-2 {
		t.Errorf("%d runs after the first within %.1f s", len(runs)-1, want)
	}
	if waiting := w.count(lgtask.StateRequest); waiting != 1 {
		t.Errorf("%d runs wait", waiting)
	}
	w.judge()
	t.Logf("%d runs in %.1f s, %d restarts; between two starts %.2f to %.2f s", len(runs), took.Seconds(), restarts, closest.Seconds(), farthest.Seconds())
}

// TestThousandBatches has a thousand callers ask for a batch of one name at once, and again
// while it runs: one run waits, and exactly one more follows.
func TestThousandBatches(t *testing.T) {
	w := newWorld(t)
	begun, end := make(chan struct{}, 10), make(chan struct{})
	w.does = func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-end:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	ask := func() (ids map[lgtask.TaskID]int, created int) {
		var mu sync.Mutex
		ids = map[lgtask.TaskID]int{}
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				res, err := w.Conn.BatchTask(t.Context(), lgtask.Now(), "Job", nil)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				ids[res.ID]++
				if res.Created {
					created++
				}
			})
		}
		callers.Wait()
		return ids, created
	}
	began := time.Now()
	if ids, created := ask(); len(ids) != 1 || created != 1 || w.count() != 1 {
		t.Errorf("%d runs for a thousand callers, %d created, %d stored", len(ids), created, w.count())
	}
	first := time.Since(began)
	w.start("a", 4)
	w.start("b", 4)
	<-begun
	if ids, created := ask(); len(ids) != 1 || created != 1 || w.count() != 2 {
		t.Errorf("while it runs: %d runs for a thousand callers, %d created, %d stored", len(ids), created, w.count())
	}
	close(end)
	w.eventually("both have ended", func() bool { return w.count(lgtask.StateSuccess) == 2 })
	if n := len(w.all()); n != 2 {
		t.Errorf("%d runs", n)
	}
	w.judge()
	t.Logf("a thousand callers at once, answered within %.2f s", first.Seconds())
}

// TestSingletonStarters has twenty processors claim tasks of one singleton: one is going at
// a time, and the others end as aborted.
func TestSingletonStarters(t *testing.T) {
	w := newWorld(t)
	var going, most atomic.Int64
	w.does = func(ctx context.Context) error {
		n := going.Add(1)
		defer going.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		w.start(name, 5)
	}
	const rounds, each = 10, 20
	for range rounds {
		var starters sync.WaitGroup
		for range each {
			starters.Go(func() {
				if _, err := w.Conn.CreateTask(t.Context(), "Single", nil); err != nil {
					t.Error(err)
				}
			})
		}
		starters.Wait()
	}
	w.eventually("all have ended", func() bool { return w.count(lgtask.StateRequest, lgtask.StateWorking) == 0 })
	ran, refused := w.count(lgtask.StateSuccess), w.count(lgtask.StateAborted)
	if most.Load() != 1 || ran+refused != rounds*each || ran != len(w.all()) || ran < 1 {
		t.Errorf("%d were going at once; %d ran, %d were refused, of %d", most.Load(), ran, refused, rounds*each)
	}
	w.judge()
	t.Logf("of %d starts %d ran one after the other, %d were refused", rounds*each, ran, refused)
}

// TestDueAtOnce has ten thousand tasks due in one second, and the processors restart in the
// middle of it: each runs once, none early.
func TestDueAtOnce(t *testing.T) {
	const n = 10_000
	w := newWorld(t)
	due := time.Now().Add(8 * time.Second).Truncate(time.Second)
	many := make([]lgtask.NewTask, n)
	for i := range many {
		many[i] = lgtask.NewTask{Class: "Job", When: lgtask.At(due.Add(time.Duration(i) * time.Second / n))}
	}
	if _, err := w.Conn.CreateTasks(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	p := w.start("a", 10)
	w.eventually("the middle of it", func() bool { return len(w.all()) > n/4 })
	w.stop(p)
	stopped := len(w.all())
	restart := time.Now()
	w.start("a", 10)
	took := time.Since(restart)
	w.eventually("all have ended", func() bool { return w.count(lgtask.StateSuccess) == n })
	instants := map[lgtask.TaskID]time.Time{}
	for _, task := range w.tasks() {
		instants[task.ID] = task.TsRequest
	}
	early := 0
	for _, r := range w.all() { // by this machine's clock, which is the server's too
		if r.at.Before(instants[r.id]) {
			early++
		}
	}
	if early > 0 {
		t.Errorf("%d began before they were due", early)
	}
	again := len(w.all()) - n
	if again > 10 { // what the stop took from its processors, given back
		t.Errorf("%d runs more than tasks", again)
	}
	w.judge()
	t.Logf("%d had run when it stopped; a start took %.2f s; all done %.1f s after the instant, %d ran again", stopped, took.Seconds(), time.Since(due).Seconds(), again)
}

// tasks reads all tasks.
func (w *world) tasks() (all []lgtask.Task) {
	w.Helper()
	f := lgtask.TaskFilter{Limit: 5000}
	for {
		page, err := w.Conn.Tasks(w.Context(), f)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < int(f.Limit) {
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}
