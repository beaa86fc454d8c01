package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func TestOffersAreClaimedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3)
		begin := time.Now()
		x, y, named := b.offer(), b.offer(), b.offer(pending("a"))
		settled()
		for _, id := range []tasks.ID{x, y, named} {
			b.is(id, tasks.Success)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("took %v", d)
		}
		if n := b.claims.count("Candidates"); n != 0 {
			t.Errorf("%d sweeps for what was offered", n)
		}
		if s := b.d.Stats(); s != (Stats{Asked: 3, Won: 3}) {
			t.Errorf("stats %+v", s)
		}
		b.stop()
	})
}

func TestOneTaskAtATimeForEachProcessor(t *testing.T) {
	for _, names := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, names)
			b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome {
				<-time.After(time.Second)
				return succeeded
			}
			for range 6 {
				b.offer()
				settled()
			}
			// The last start when all before them are over, and not later.
			last := time.Duration(6/names-1) * time.Second
			advance(last - time.Millisecond)
			if n := len(b.handler.started()); n != 6-names {
				t.Errorf("%d of 6 started too early", n)
			}
			advance(time.Millisecond)
			if n := len(b.handler.started()); n != names {
				t.Errorf("%d started; want the last %d", n, names)
			}
			if b.handler.most != names {
				t.Errorf("%d at a time; want %d", b.handler.most, names)
			}
			b.stop()
		})
	}
}

func TestOffersBeyondFreeProcessorsAreSweptByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		step := make(chan struct{})
		b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { <-step; return succeeded }
		first := b.offer()
		settled()
		low, high, mid := b.offer(priority(-5)), b.offer(priority(50)), b.offer(priority(3))
		settled()
		b.begun(first)
		for _, next := range []tasks.ID{high, mid, low} {
			step <- struct{}{}
			settled()
			b.begun(next)
		}
		step <- struct{}{}
		settled()
		b.is(low, tasks.Success)
		b.stop()
	})
}

func TestOffersAtOnceAreTakenByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 2)
		low, mid, high := b.insert(priority(-1)), b.insert(), b.insert(priority(1))
		release := make(chan struct{})
		b.claims.set(func(_ context.Context, s statement) error {
			<-release
			return s.send()
		})
		b.start()
		b.offer() // the dispatcher is busy claiming this one
		settled()
		b.d.Offer(low)
		b.d.Offer(high)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		b.claims.set(nil)
		close(release)
		settled()
		b.is(high.ID, tasks.Working)
		b.is(mid.ID, tasks.Request)
		b.is(low.ID, tasks.Request)
		close(gate)
		settled()
		b.is(low.ID, tasks.Success)
		b.stop()
	})
}

func TestNothingOfferedWhileAllAreBusyIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3)
		b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome {
			<-time.After(10 * time.Millisecond)
			return succeeded
		}
		var ids []tasks.ID
		for i := range 200 {
			ids = append(ids, b.offer())
			if i%7 == 0 {
				advance(3 * time.Millisecond)
			}
		}
		advance(5 * time.Second)
		for _, id := range ids {
			b.is(id, tasks.Success)
		}
		if n, due, _ := b.d.Busy(); n != 0 || due {
			t.Errorf("busy %d, sweep due %v", n, due)
		}
		b.stop()
	})
}

func TestWithoutProcessorsNothingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 0)
		id := b.offer()
		b.d.Wake()
		advance(time.Minute)
		b.is(id, tasks.Request)
		b.stop()
	})
}

// Busy is what a caller that waits for the end of all work looks at.
func TestBusyTellsOfEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		ask := make(chan struct{})
		b.claims.set(func(_ context.Context, s statement) error {
			<-ask
			return s.send()
		})
		check := func(what string, wantN int, wantDue bool) <-chan struct{} {
			t.Helper()
			settled()
			n, due, changed := b.d.Busy()
			if n != wantN || due != wantDue {
				t.Errorf("%s: %d busy, sweep due %v; want %d, %v", what, n, due, wantN, wantDue)
			}
			return changed
		}
		quiet := check("at first", 0, false)
		b.d.Wake()
		check("during a sweep", 1, false)
		ask <- struct{}{}
		swept := check("after it", 0, false)
		if swept == quiet {
			t.Error("a sweep went by unnoticed")
		}
		b.offer()
		check("during a claim", 1, false)
		ask <- struct{}{}
		running := check("while the end is recorded", 1, false)
		ask <- struct{}{}
		<-running
		if check("at the end", 0, false) == swept {
			t.Error("a run went by unnoticed")
		}
		b.claims.set(nil)
		b.stop()
	})
}

func TestRunAgainAfterItReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		for range 3 {
			gate := make(chan struct{})
			b.handler.run = until(gate)
			x := b.offer()
			settled()
			b.cancel()
			settled()
			close(gate)
			if err := <-b.done; err != nil {
				t.Fatal(err)
			}
			b.is(x, tasks.Success)
			y := b.offer()
			b.start()
			b.is(y, tasks.Success)
		}
		b.stop()
	})
}
