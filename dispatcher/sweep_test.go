package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func TestSweepsGoOnWhileTheyReturnTheirLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 2)
		for range 20 {
			b.insert()
		}
		b.d.Wake()
		b.start()
		if n := len(b.handler.started()); n != 20 {
			t.Errorf("%d of 20 ran", n)
		}
		s := b.d.Stats()
		if s.Won != 20 || s.Sweeps < 11 {
			t.Errorf("stats %+v", s)
		}
		advance(time.Minute)
		if again := b.d.Stats(); again != s {
			t.Errorf("it goes on for nothing: %+v, then %+v", s, again)
		}
		b.stop()
	})
}

// A process beside us takes everything that our sweeps find: they must go on
// until there is nothing.
func TestSweepThatLosesAllGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 1)
		for range 5 {
			b.insert()
		}
		thefts := 0
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "ClaimMany" && thefts < 3 {
				thefts++
				cl := tasks.NewClaim("other", "other")
				if won, err := b.m.ClaimMany(ctx, s.ids, []string{"other"}, cl); err != nil || len(won) != 1 {
					t.Errorf("the other process won %v, %v", won, err)
				}
				if err := b.m.Finish(ctx, tasks.Held{Candidate: tasks.Candidate{ID: s.ids[0]}, Claim: cl}, succeeded); err != nil {
					t.Error(err)
				}
			}
			return s.send()
		})
		var lost []tasks.ID
		b.d.o.Lost = func(c tasks.Candidate) { lost = append(lost, c.ID) }
		b.d.Wake()
		b.start()
		if n := len(b.handler.started()); n != 2 || len(lost) != 3 {
			t.Errorf("%d ran and %d were lost; want 2 and 3", n, len(lost))
		}
		if s := b.d.Stats(); s.Asked != 5 || s.Won != 2 || s.Lost != 3 {
			t.Errorf("stats %+v", s)
		}
		b.stop()
	})
}

// One task may be offered twice, since an insert and a change of it are two
// events, and a find may return a document twice.
func TestSameTaskTwiceInOneClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 4)
		c := b.insert()
		b.d.Offer(c)
		b.d.Offer(c)
		b.start()
		b.begun(c.ID)
		b.is(c.ID, tasks.Success)
		again := b.insert()
		b.d.o.Claims = twice{b.claims}
		b.d.Wake()
		settled()
		b.begun(again.ID)
		b.stop()
	})
}

// twice returns each candidate twice.
type twice struct{ Claims }

func (c twice) Pages(ctx context.Context, q tasks.Query) (tasks.Pages, error) {
	p, err := c.Claims.Pages(ctx, q)
	return twicePages{p}, err
}

type twicePages struct{ tasks.Pages }

func (p twicePages) Next(ctx context.Context, about int) ([]tasks.Candidate, bool, error) {
	cs, more, err := p.Pages.Next(ctx, about)
	return append(cs, cs...), more, err
}
