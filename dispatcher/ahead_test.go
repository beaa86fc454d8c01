package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// trip is how long a statement takes in the tests of claiming ahead.
const trip = 5 * time.Millisecond

// slow is a hook under which each statement takes a trip to the database and
// back.
func slow(ctx context.Context, s statement) error {
	for range 2 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(trip / 2):
		}
		if s.send != nil {
			if err := s.send(); err != nil {
				return err
			}
			s.send = nil
		}
	}
	return nil
}

// warm starts a dispatcher whose statements take time and that has learned that
// Mail is short.
func warm(t *testing.T, m *memory, holder string, names int) *bench {
	b := newBench(t, m, holder, names)
	b.claims.set(slow)
	for range 40 {
		b.insert()
	}
	b.d.Wake()
	b.start()
	t.Cleanup(b.cancel)
	b.finished(time.Second)
	b.handler.started()
	return b
}

// ahead returns how many tasks are claimed and not started.
func (b *bench) ahead() int {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return len(b.d.ready.list)
}

// finished waits until everything has ended, and checks that it does in time.
func (b *bench) finished(within time.Duration) {
	b.Helper()
	for begin := time.Now(); ; advance(time.Millisecond) {
		if left := b.m.open(); left == 0 {
			break
		} else if time.Since(begin) > within {
			b.Fatalf("%d tasks have not ended after %v", left, within)
		}
	}
	advance(trip) // the reply
	b.idle()
}

func TestShortTasksAreClaimedAhead(t *testing.T) {
	for _, names := range []int{1, 2, 50} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testShortTasks(t, names) })
		})
	}
}

func testShortTasks(t *testing.T, names int) {
	const n = 3000
	b := newBench(t, newMemory(), "p", names)
	most, idle := 0, 0
	var mu sync.Mutex
	look := func() {
		busy, due, _ := b.d.Busy()
		ahead := b.ahead()
		mu.Lock()
		defer mu.Unlock()
		most = max(most, ahead)
		if busy == 0 && !due {
			idle++
		}
	}
	b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { look(); return succeeded }
	b.claims.set(func(ctx context.Context, s statement) error {
		look()
		defer look()
		return slow(ctx, s)
	})
	var order []tasks.Candidate
	for i := range n {
		order = append(order, b.insert(priority(i%3)))
		if i == n/2 {
			advance(time.Millisecond)
		}
	}
	slices.SortStableFunc(order, func(a, b tasks.Candidate) int { return b.Priority - a.Priority })
	b.d.Wake()
	b.start()
	b.finished(time.Second)
	if most <= names || most > maxAhead+names || idle > 0 {
		t.Errorf("at most %d ahead; %d times idle in the middle of it", most, idle)
	}
	if s := b.d.Stats(); s.Won != n || s.Asked != s.Won+s.Lost+s.Blocked || s.Lost > 0 || s.Sweeps > 60 {
		t.Errorf("stats %+v", s)
	}
	if c, f := b.claims.count("ClaimMany"), b.claims.count("Finish"); c > 60 || f > 150 {
		t.Errorf("%d claims and %d completions", c, f)
	}
	b.stop()
	// Several processors start what they take in any order.
	got := b.handler.started()
	if names > 1 {
		slices.SortFunc(got, byID)
		slices.SortFunc(order, func(a, b tasks.Candidate) int { return byID(a.ID, b.ID) })
	}
	if !slices.EqualFunc(got, order, func(id tasks.ID, c tasks.Candidate) bool { return id == c.ID }) {
		t.Errorf("%d runs of %d tasks, or in another order", len(got), len(order))
	}
}

func byID(a, b tasks.ID) int { return strings.Compare(a.String(), b.String()) }

// While the processors do one half of what is ahead, the other half is claimed.
func TestProcessorsDoNotWaitForClaims(t *testing.T) {
	for _, length := range []time.Duration{time.Millisecond, 8 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := warm(t, newMemory(), "p", 4)
			b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { <-time.After(length); return succeeded }
			for _, n := range []int{40, 800} { // the first to learn from
				for range n {
					b.insert()
				}
				begin, before := time.Now(), b.d.Stats()
				b.d.Wake()
				b.finished(10 * time.Second)
				took, ideal, s := time.Since(begin), time.Duration(n/4)*length, b.d.Stats()
				if n == 800 && (took > ideal*3/2 || s.Sweeps-before.Sweeps > 200 || s.Won-before.Won != 800) {
					t.Errorf("%d runs of %v took %v; ideal %v; stats %+v, then %+v", n, length, took, ideal, before, s)
				}
			}
			b.stop()
		})
	}
}

// front makes tasks that nothing may be claimed ahead of, each with a reason.
var front = map[string]func(i int) func(*tasks.Task){
	"a class that is long": func(int) func(*tasks.Task) { return func(t *tasks.Task) { t.TaskClass = "Long" } },
	"a class never seen":   func(int) func(*tasks.Task) { return func(t *tasks.Task) { t.TaskClass = "Batch" } },
	"a named run":          func(i int) func(*tasks.Task) { return pending(fmt.Sprint(i)) },
	"a singleton":          func(i int) func(*tasks.Task) { return func(t *tasks.Task) { single(t); t.TaskName = fmt.Sprint(i) } },
	"a process died of it": func(int) func(*tasks.Task) { return func(t *tasks.Task) { t.Crashes = 1 } },
}

// What is waiting behind long tasks is left to others, who have a processor free.
func TestNothingIsClaimedBehindLongTasks(t *testing.T) {
	for what, edit := range front {
		for _, count := range []int{1, 2, 3} { // of long tasks, with two processors
			t.Run(fmt.Sprintf("%d of %s", count, what), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testBehindLong(t, edit, count) })
			})
		}
	}
}

func testBehindLong(t *testing.T, edit func(int) func(*tasks.Task), count int) {
	b := warm(t, newMemory(), "a", 2)
	gate := make(chan struct{})
	b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
		if h.Priority == 1 {
			return until(gate)(ctx, h)
		}
		return succeeded
	}
	b.d.mu.Lock()
	b.d.lengths["Long"] = length{time.Second, time.Second}
	b.d.mu.Unlock()
	for i := range count {
		b.insert(priority(1), edit(i))
	}
	for range 500 {
		b.insert()
	}
	before := b.d.Stats()
	b.d.Wake()
	settled()
	if count == 1 { // the other processor does the rest
		advance(20 * trip)
		if n := b.m.open(); n != 1 {
			t.Errorf("%d are left beside a long one", n)
		}
	}
	for range 100 {
		if n := b.m.held(); n > 2 {
			t.Errorf("%d tasks are held by two processors", n)
			break
		}
		advance(time.Millisecond)
	}
	if n := b.d.Stats().Sweeps - before.Sweeps; count > 1 && n > 4 {
		t.Errorf("%d sweeps in vain", n)
	}
	close(gate)
	b.finished(time.Second)
	b.stop()
}
