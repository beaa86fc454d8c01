package timers

import (
	"math/rand/v2"
	"time"
)

// The first and the longest wait between two attempts.
const (
	backoffFirst = 100 * time.Millisecond
	backoffCap   = 10 * time.Second
)

// backoff gives growing waits: each twice the one before up to backoffCap, of
// which a random half is taken off so that many processes do not come at once.
// The zero value is ready.
type backoff struct {
	wait time.Duration
}

// next returns the wait before the next attempt.
func (b *backoff) next() time.Duration {
	b.wait = min(max(2*b.wait, backoffFirst), backoffCap)
	return b.wait/2 + rand.N(b.wait/2)
}

// reset makes the next wait the first one again.
func (b *backoff) reset() { b.wait = 0 }
