package dispatcher

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

const always = math.MaxInt64

// breaks returns a hook under which the named methods fail n times in all,
// before they have any effect, or after, as if the reply had been lost.
func breaks(n int64, after bool, ops ...string) func(context.Context, statement) error {
	var failed atomic.Int64
	return func(_ context.Context, s statement) error {
		if !slices.Contains(ops, s.op) || failed.Add(1) > n {
			return s.send()
		}
		if after {
			if err := s.send(); err != nil {
				return err
			}
		}
		return errBroken
	}
}

func TestClaimIsSentAgainUntilItIsAnswered(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 3)
			b.claims.set(breaks(12, after, "Claim", "ClaimMany", "Candidates"))
			x, y, named := b.offer(), b.offer(), b.offer(pending("a"))
			settled()
			b.begun()
			advance(time.Minute)
			for _, id := range []tasks.ID{x, y, named} {
				b.is(id, tasks.Success)
			}
			if n := len(b.handler.started()); n != 3 {
				t.Errorf("%d runs of 3 tasks", n)
			}
			b.stop()
		})
	}
}

func TestBackoffIsKeptAndBounded(t *testing.T) {
	for _, op := range []string{"Candidates", "ClaimMany", "RefuseSingleton"} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 2)
			h := b.going(single, "Single/")
			b.claims.set(breaks(always, false, op))
			b.d.Wake()
			id := b.offer()
			b.offer(single)
			for range 60 { // what happens meanwhile does not shorten the back-off
				b.offer()
				b.d.UnblockAll()
				advance(time.Second)
			}
			if n := b.claims.count(op); n < 60/3 || n > 60 {
				t.Errorf("%s: %d tries in a minute", op, n)
			}
			b.claims.set(nil)
			advance(2500 * time.Millisecond) // the longest wait
			b.is(id, tasks.Success)
			b.ends(h, tasks.Success)
			b.stop()
		})
	}
}

func TestBackoffOf(t *testing.T) {
	for i := 1; i < 100; i++ {
		if d := backoff(i, rand.N[time.Duration]); d < 75*time.Millisecond || d > 2500*time.Millisecond {
			t.Errorf("back-off %d is %v", i, d)
		}
	}
}

// A claim was written and its reply lost; before it is sent again the task is
// killed, so that the second try matches nothing. Nobody else can end it.
func TestTaskKilledAfterALostReply(t *testing.T) {
	for _, c := range []struct {
		op   string
		edit func(*tasks.Task)
	}{{"ClaimMany", func(*tasks.Task) {}}, {"Claim", pending("a")}} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 2)
			b.claims.set(breaks(1, true, c.op))
			id := b.offer(c.edit)
			settled()
			b.is(id, tasks.Working)
			if err := b.m.kill(context.Background(), id); err != nil {
				t.Fatal(err)
			}
			advance(time.Minute)
			b.is(id, tasks.Error)
			b.begun()
			b.stop()
		})
	}
}

// The kill comes while the reply to the claim is still under way.
func TestTaskKilledWhileItIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		reply := make(chan struct{})
		b.claims.set(func(_ context.Context, s statement) error {
			err := s.send()
			if s.op == "ClaimMany" {
				<-reply
			}
			return err
		})
		id := b.offer()
		settled()
		if err := b.m.kill(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		if !b.d.Cancel(id, ErrKilled) {
			t.Error("a task that is being claimed is not known")
		}
		close(reply)
		settled()
		b.begun()
		b.is(id, tasks.Error)
		next := b.offer() // the processor goes on
		settled()
		b.is(next, tasks.Success)
		b.stop()
	})
}

// A claim that timed out may have been lost to somebody else: then giving it
// back by its token changes nothing.
func TestLostAfterAnErrorLeavesTheOthersTaskAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		c := b.insert()
		b.claims.set(breaks(1, false, "ClaimMany"))
		b.d.Offer(c)
		settled()
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("other", "other")}
		if v, err := b.m.Claim(context.Background(), c, h.Claim, "", ""); v != tasks.Won || err != nil {
			t.Fatal(v, err)
		}
		advance(time.Minute)
		b.begun()
		b.is(c.ID, tasks.Working)
		if got := b.task(c.ID); got.Holder != "other" {
			t.Errorf("holder %q", got.Holder)
		}
		b.ends(h, tasks.Success)
		next := b.offer()
		settled()
		b.is(next, tasks.Success)
		b.stop()
	})
}

func TestClaimsThatPanic(t *testing.T) {
	for _, op := range []string{"Candidates", "ClaimMany", "Claim", "RefuseSingleton", "Finish"} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 2)
			b.going(single, "Single/")
			var panics atomic.Int64
			b.claims.set(func(_ context.Context, s statement) error {
				if s.op == op && panics.Add(1) <= 5 {
					panic(errBroken)
				}
				return s.send()
			})
			plain, named, second := b.insert(), b.insert(pending("a")), b.insert(single)
			b.d.Wake()
			advance(time.Minute)
			b.is(plain.ID, tasks.Success)
			b.is(named.ID, tasks.Success)
			b.is(second.ID, tasks.Aborted)
			if n := panics.Load(); n < 6 {
				t.Errorf("%s panicked %d times", op, n)
			}
			b.m.rescue("other")
			b.stop()
		})
	}
}

// A store may return what it has read so far together with an error.
func TestPartialCandidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 4)
		x, y := b.insert(), b.insert()
		b.claims.set(breaks(3, true, "Candidates"))
		b.d.Wake()
		b.start()
		if n, _, _ := b.d.Busy(); n != 1 {
			t.Errorf("busy %d; want the sweep", n)
		}
		advance(time.Minute)
		b.is(x.ID, tasks.Success)
		b.is(y.ID, tasks.Success)
		b.idle()
		b.stop()
	})
}
