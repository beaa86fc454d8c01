package dispatcher

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// crowd starts a dispatcher whose statements take time, and n tasks on as many
// processors, which all end so when gate is closed.
func crowd(t *testing.T, n int, gate chan struct{}, end tasks.Outcome) (*bench, []tasks.ID) {
	b := newBench(t, newMemory(), "p", n)
	b.claims.set(slow)
	b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { <-gate; return end }
	b.start()
	t.Cleanup(b.cancel)
	ids := make([]tasks.ID, n)
	for i := range ids {
		ids[i] = b.offer()
	}
	advance(20 * trip)
	if n := len(b.handler.started()); n != len(ids) {
		t.Fatalf("%d of %d run", n, len(ids))
	}
	return b, ids
}

// idleSoon waits until the dispatcher says that it has nothing to do, as a drain
// does, and checks that everything has ended then.
func (b *bench) idleSoon(within time.Duration) {
	b.Helper()
	limit := time.After(within)
	for {
		n, due, changed := b.d.Busy()
		if n == 0 && !due {
			break
		}
		select {
		case <-changed:
		case <-limit:
			b.Fatalf("%d busy, sweep due %v after %v", n, due, within)
		}
	}
	if n := b.m.held(); n > 0 {
		b.Errorf("nothing to do, and %d tasks are held", n)
	}
}

func TestEndsAreRecordedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b, ids := crowd(t, 100, gate, succeeded)
		close(gate)
		b.idleSoon(3 * trip)
		for _, id := range ids {
			b.is(id, tasks.Success)
		}
		if n := b.claims.count("Finish"); n > 3 {
			t.Errorf("%d statements for %d ends", n, len(ids))
		}
		b.stop()
	})
}

// The database takes no ends for a while, or takes them and does not say so.
func TestEndsAreRecordedLater(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			gate := make(chan struct{})
			b, ids := crowd(t, 50, gate, succeeded)
			b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
				return tasks.Outcome{State: tasks.Error, Failure: "bad", Spent: true}
			}
			b.claims.set(breaks(30, after, "Finish"))
			close(gate)
			for range 50 { // processors go on meanwhile
				ids = append(ids, b.offer())
				advance(trip)
				if n, _, _ := b.d.Busy(); n == 0 {
					t.Fatal("nothing is busy, and nothing is recorded")
				}
			}
			b.idleSoon(5 * time.Minute)
			for i, id := range ids {
				if got := b.task(id); got.State != tasks.Success && i < 50 || i >= 50 && (got.State != tasks.Error || got.Attempt != 1 || len(got.Errors) != 1) {
					t.Errorf("task %d is %s, attempt %d, errors %v", i, got.State, got.Attempt, got.Errors)
				}
			}
			if n := len(b.handler.started()); n != 50 {
				t.Errorf("%d runs more; want 50", n)
			}
			b.stop()
		})
	}
}

// Among many ends that are recorded together, those that cannot be as they are
// do not matter to the others.
func TestOddEndsAmongMany(t *testing.T) {
	for _, end := range []tasks.State{tasks.Success, tasks.Request, tasks.Aborted} {
		synctest.Test(t, func(t *testing.T) {
			gate := make(chan struct{})
			b, ids := crowd(t, 40, gate, tasks.Outcome{State: end, Delay: time.Hour})
			killed, lost, gone := ids[3], ids[20], ids[39]
			if err := b.m.kill(context.Background(), killed); err != nil {
				t.Fatal(err)
			}
			b.m.Change(lost, func(t *tasks.Task) { t.Claim, t.Holder = tasks.ClaimMark{}, "other" })
			b.m.Change(gone, nil)
			close(gate)
			advance(3 * trip)
			b.idle()
			for _, id := range ids {
				switch {
				case id == gone:
				case id == lost:
					b.is(id, tasks.Working)
				case id == killed && end != tasks.Success:
					b.is(id, tasks.Error)
				default:
					b.is(id, end)
				}
			}
			if n := b.claims.count("Finish"); n > 3 {
				t.Errorf("%d statements", n)
			}
			b.m.rescue("other")
			b.stop()
		})
	}
}

// stubborn refuses the ends of some tasks, until it is told not to.
type stubborn struct {
	Claims
	mu  sync.Mutex
	ids []tasks.ID
}

func (s *stubborn) refuses(id tasks.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.ids, id) {
		return errBroken
	}
	return nil
}

func (s *stubborn) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	if err := s.refuses(h.ID); err != nil {
		return err
	}
	return s.Claims.Finish(ctx, h, o)
}

func (s *stubborn) FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error) {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = s.Finish(ctx, e.Held, e.Outcome)
	}
	return errs, nil
}

// More ends are refused than are recorded at a time. Everything else is recorded.
func TestRefusedEndsKeepNoOtherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 20)
		s := &stubborn{Claims: b.claims}
		b.d.o.Claims = s
		b.start()
		const most = 6
		for range most {
			c := b.insert()
			s.mu.Lock()
			s.ids = append(s.ids, c.ID)
			s.mu.Unlock()
			b.d.Offer(c)
			other := b.offer()
			advance(time.Second)
			b.is(other, tasks.Success)
			b.is(c.ID, tasks.Working)
		}
		if n, _, _ := b.d.Busy(); n != most {
			t.Errorf("%d busy", n)
		}
		refused := slices.Clone(s.ids)
		s.mu.Lock()
		s.ids = s.ids[:1]
		s.mu.Unlock()
		advance(3 * time.Second)
		for i, id := range refused {
			if i > 0 {
				b.is(id, tasks.Success)
			}
		}
		b.cancel()
		var se *StuckError
		if err := <-b.done; !errors.As(err, &se) || !slices.Equal(se.Unrecorded, refused[:1]) {
			t.Errorf("Run returned %v", err)
		}
		settled()
		b.idle()
	})
}

// A database that takes claims but no ends does not get everything claimed.
func TestUnrecordedEndsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := warm(t, newMemory(), "p", 4)
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "Finish" {
				return errBroken
			}
			return slow(ctx, s)
		})
		const n = 12000
		for range n {
			b.insert()
		}
		b.d.Wake()
		advance(10 * time.Second)
		if held := b.m.held(); held > 4*maxTogether || held < maxTogether {
			t.Errorf("%d tasks of %d are held", held, n)
		}
		b.claims.set(slow)
		b.idleSoon(10 * time.Second)
		if ran := len(b.handler.started()); ran != n {
			t.Errorf("%d runs of %d tasks", ran, n)
		}
		b.stop()
	})
}

// Run returns in time, and names exactly those whose ends were not taken.
func TestStopWhileNoEndIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b, ids := crowd(t, 30, gate, succeeded)
		b.claims.set(breaks(always, false, "Finish"))
		close(gate)
		advance(time.Second)
		begin := time.Now()
		b.cancel()
		err := b.ended(begin, grace+quit)
		var se *StuckError
		if !errors.As(err, &se) || len(se.Tasks) != 0 {
			t.Fatalf("Run returned %v", err)
		}
		slices.SortFunc(se.Unrecorded, byID)
		slices.SortFunc(ids, byID)
		if !slices.Equal(se.Unrecorded, ids) {
			t.Errorf("%d of %d are named", len(se.Unrecorded), len(ids))
		}
		advance(quit) // what had no turn is tried once more
		b.idle()
	})
}
