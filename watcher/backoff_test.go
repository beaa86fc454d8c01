package watcher

import (
	"slices"
	"testing"
	"time"
)

func TestBackoffDoubles(t *testing.T) {
	b := backoff{min: 100 * time.Millisecond, max: 15 * time.Second}
	want := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000}
	for round := range 2 {
		var got []time.Duration
		for range want {
			got = append(got, b.next(0.5)/time.Millisecond)
		}
		if !slices.Equal(got, want) {
			t.Errorf("round %d: waits %d ms, want %d", round, got, want)
		}
		b.reset()
	}
}

func TestBackoffVaries(t *testing.T) {
	for r, want := range map[float64]time.Duration{0: 750, 0.5: 1000, 1: 1250} {
		b := backoff{min: time.Second, max: time.Second}
		if got := b.next(r); got != want*time.Millisecond {
			t.Errorf("next(%v) = %v, want %d ms", r, got, want)
		}
	}
}
