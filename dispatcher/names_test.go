package dispatcher

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// going claims a run of a name for another process.
func (b *bench) going(edit func(*tasks.Task), key string) tasks.Held {
	b.Helper()
	c := b.insert(edit)
	h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("other", "other"), Key: key}
	if v, err := b.m.Claim(context.Background(), c, h.Claim, key, c.TaskName); v != tasks.Won || err != nil {
		b.Fatalf("the other process: verdict %d, %v", v, err)
	}
	return h
}

func (b *bench) ends(h tasks.Held, s tasks.State) {
	b.Helper()
	if err := b.m.Finish(context.Background(), h, tasks.Outcome{State: s}); err != nil {
		b.Fatal(err)
	}
}

func TestBlockedRunIsClaimedAfterUnblock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		h := b.going(pending("a"), "Batch/a")
		next := b.offer(pending("a"))
		settled()
		b.is(next, tasks.Request)
		if got := b.d.Blocked(); !slices.Equal(got, []string{"Batch/a"}) {
			t.Errorf("blocked %v", got)
		}
		b.d.Wake() // sweeps leave it out
		other := b.offer(pending("b"))
		settled()
		b.begun(other)
		claims := b.claims.count("Claim")
		b.d.Wake()
		settled()
		if n := b.claims.count("Claim"); n != claims {
			t.Errorf("%d claims of a blocked run", n-claims)
		}
		b.ends(h, tasks.Success)
		b.d.Unblock("Batch/b") // another name
		settled()
		b.is(next, tasks.Request)
		b.d.Unblock("Batch/a")
		settled()
		b.begun(next)
		b.is(next, tasks.Success)
		if got := b.d.Blocked(); len(got) != 0 {
			t.Errorf("blocked %v", got)
		}
		if n, due, _ := b.d.Busy(); n != 0 || due {
			t.Errorf("busy %d, sweep due %v", n, due)
		}
		b.stop()
	})
}

// The end of a run that this dispatcher had itself frees the name at once.
func TestOwnRunUnblocksItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		first := b.offer(pending("a"))
		settled()
		next := b.offer(pending("a"))
		settled()
		b.begun(first)
		close(gate)
		settled()
		b.begun(next)
		b.stop()
	})
}

// The run ends after the claim was refused and before its name is in the blocked
// set: that end was announced too early for us.
func TestNameFreedBetweenClaimAndBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		h := b.going(pending("a"), "Batch/a")
		b.claims.set(func(_ context.Context, s statement) error {
			err := s.send()
			if s.op == "Claim" && b.claims.count("Claim") == 1 {
				b.ends(h, tasks.Success)
				b.d.Unblock("Batch/a")
			}
			return err
		})
		next := b.offer(pending("a"))
		settled()
		b.is(next, tasks.Success)
		if got := b.d.Blocked(); len(got) != 0 {
			t.Errorf("blocked %v", got)
		}
		b.stop()
	})
}

func TestUnblockAllAsksForEveryName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		a, c := b.going(pending("a"), "Batch/a"), b.going(pending("c"), "Batch/c")
		nextA, nextC := b.offer(pending("a")), b.offer(pending("c"))
		settled()
		b.ends(a, tasks.Success) // and the news of it is lost
		b.d.UnblockAll()
		settled()
		b.begun(nextA)
		b.is(nextC, tasks.Request)
		if got := b.d.Blocked(); !slices.Equal(got, []string{"Batch/c"}) {
			t.Errorf("blocked %v", got)
		}
		b.ends(c, tasks.Success)
		b.d.UnblockAll()
		settled()
		b.begun(nextC)
		b.stop()
	})
}

func TestSecondSingletonIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		first := b.offer(single)
		settled()
		second := b.offer(single)
		settled()
		b.begun(first)
		b.is(second, tasks.Aborted)
		if s := b.d.Stats(); s.Blocked != 1 || s.Won != 1 {
			t.Errorf("stats %+v", s)
		}
		close(gate)
		settled()
		third := b.offer(single)
		settled()
		b.is(third, tasks.Success)
		b.stop()
	})
}

// The going run ends before the second is refused: then the second runs.
func TestSingletonFreedMeanwhileIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		h := b.going(single, "Single/")
		b.claims.set(func(_ context.Context, s statement) error {
			if s.op == "RefuseSingleton" {
				b.ends(h, tasks.Success)
			}
			return s.send()
		})
		next := b.offer(single)
		settled()
		b.begun(next)
		b.is(next, tasks.Success)
		b.stop()
	})
}

// The name changes hands between each of our statements: we never see it going,
// and never get it.
func TestSingletonWhoseNameIsTakenAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		h := b.going(single, "Single/")
		rounds := 0
		b.claims.set(func(_ context.Context, s statement) error {
			if s.op != "RefuseSingleton" || rounds == 4 {
				return s.send()
			}
			b.ends(h, tasks.Success)
			err := s.send()
			if rounds++; rounds < 4 {
				h = b.going(single, "Single/")
			}
			return err
		})
		next := b.offer(single)
		settled()
		b.is(next, tasks.Success)
		if rounds != 4 {
			t.Errorf("%d rounds", rounds)
		}
		b.stop()
	})
}

// A singleton between two attempts keeps its name, and a computed name is
// written.
func TestNamesOfRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.identity = func(c *tasks.Candidate) (string, bool) { return "computed", c.TaskClass == "Single" }
		b.handler.run = func(_ context.Context, h *tasks.Held) tasks.Outcome {
			if h.TaskName != "computed" {
				t.Errorf("runs under the name %q", h.TaskName)
			}
			if h.Attempt == 0 {
				return tasks.Outcome{State: tasks.Request, Spent: true, Delay: time.Second}
			}
			return succeeded
		}
		first, plain := b.offer(single), b.offer()
		settled()
		second := b.offer(single)
		settled()
		b.is(second, tasks.Aborted)
		advance(time.Second)
		b.d.Wake()
		settled()
		for _, id := range []tasks.ID{first, plain} {
			b.is(id, tasks.Success)
			if got := b.task(id); got.TaskName != "computed" || got.RunningKey != "" {
				t.Errorf("task %s has the name %q and the key %q", id, got.TaskName, got.RunningKey)
			}
		}
		b.stop()
	})
}
