package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 2)
		first := b.insert()
		b.d.Wake()
		b.start()
		b.begun(first.ID)
		if !b.d.Asked(first.ID) {
			t.Error("a task that was swept was not asked for")
		}
		<-time.After(keptFor)
		second := b.insert()
		b.d.Offer(second)
		settled()
		b.begun(second.ID)
		if !b.d.Asked(first.ID) || !b.d.Asked(second.ID) || b.d.Asked(tasks.NewID()) {
			t.Error("it knows too few or too many")
		}
		<-time.After(keptFor)
		b.d.Offer(b.insert())
		settled()
		if b.d.Asked(first.ID) {
			t.Error("it is known after more than two periods")
		}
		b.stop()
	})
}

// What a sweep finds is not asked for once more because it was offered meanwhile.
func TestOfferOfWhatASweepFinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 4)
		b.start()
		c := b.insert()
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "Candidates" {
				<-time.After(trip)
			}
			return s.send()
		})
		b.d.Wake()
		settled()
		b.d.Offer(c)
		advance(10 * trip)
		b.begun(c.ID)
		if s := b.d.Stats(); s.Asked != 1 {
			t.Errorf("stats %+v", s)
		}
		b.stop()
	})
}
