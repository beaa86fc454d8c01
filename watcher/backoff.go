package watcher

import "time"

// backoff is the sequence of waits between tries: min, twice that, and so on up
// to max, each varied by a quarter either way.
type backoff struct {
	min, max time.Duration
	wait     time.Duration // the next one, before it is varied; 0 means min
}

// next returns the next wait. r, from 0 to 1, says how it is varied.
func (b *backoff) next(r float64) time.Duration {
	wait := max(b.wait, b.min)
	b.wait = b.max
	if wait < b.max/2 {
		b.wait = 2 * wait
	}
	return time.Duration(float64(wait) * (0.75 + 0.5*r))
}

// reset makes the next wait the shortest one.
func (b *backoff) reset() { b.wait = 0 }
