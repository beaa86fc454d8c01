package simulation

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// dice are random numbers of one purpose. Each purpose has its own, which depend on
// the seed and the purpose's name alone: what happens elsewhere does not change them.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64, name string) *dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return &dice{r: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// n returns 0 to n-1.
func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) oneIn(n int) bool { return n > 0 && d.n(n) == 0 }

// between returns a duration, in whole nanoseconds: so that hardly any two things
// happen in the same instant, where nobody could tell which comes first.
func (d *dice) between(low, high time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return low + time.Duration(d.r.Int64N(int64(high-low)))
}

// wait waits, or returns the cause of ctx's end. It makes no timer for no time: one
// that is due at once crashes the race detector of Go 1.26 in a bubble now and then.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
