package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func TestEndIsRecordedUntilItWorks(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 1)
			b.claims.set(breaks(40, after, "Finish"))
			id := b.offer(pending("a"))
			settled()
			if !after {
				b.is(id, tasks.Working)
			}
			if n, _, _ := b.d.Busy(); n != 1 {
				t.Errorf("busy %d", n)
			}
			next := b.offer() // the processor is not free yet
			advance(time.Second)
			b.is(next, tasks.Request)
			advance(2 * time.Minute)
			b.is(id, tasks.Success)
			b.is(next, tasks.Success)
			b.begun(id, next)
			if n := b.claims.count("Finish"); n != 42 {
				t.Errorf("%d tries", n)
			}
			b.stop()
		})
	}
}

func TestFencedEndIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		id := b.offer()
		settled()
		b.m.rescue("p") // thought dead
		c, err := b.m.Candidate(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("other", "other")}
		if v, err := b.m.Claim(context.Background(), c, h.Claim, "", ""); v != tasks.Won || err != nil {
			t.Fatal(v, err)
		}
		close(gate)
		settled()
		b.is(id, tasks.Working)
		b.idle()
		if n := b.claims.count("Finish"); n != 1 {
			t.Errorf("%d tries to record a lost claim", n)
		}
		next := b.offer()
		settled()
		b.is(next, tasks.Success)
		b.ends(h, tasks.Error)
		b.stop()
	})
}

// A task that was given back may be claimed again for another processor before
// its first run has been cleaned up. The second must still be known.
func TestGivenBackAndClaimedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate, reply := make(chan struct{}), make(chan struct{})
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			if h.Attempt == 0 {
				return tasks.Outcome{State: tasks.Request, Spent: true}
			}
			return until(gate)(ctx, h)
		}
		b.claims.set(func(_ context.Context, s statement) error {
			err := s.send()
			if s.op == "Finish" {
				<-reply
			}
			return err
		})
		id := b.offer()
		settled()
		c, err := b.m.Candidate(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		b.d.Offer(c)
		settled()
		b.begun(id, id)
		reply <- struct{}{} // to the first run
		settled()
		if n, _, _ := b.d.Busy(); n != 1 {
			t.Errorf("busy %d", n)
		}
		if !b.d.Cancel(id, ErrKilled) {
			t.Error("the second run is not known")
		}
		settled()
		reply <- struct{}{}
		settled()
		b.is(id, tasks.Error)
		b.stop()
	})
}
