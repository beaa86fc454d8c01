package timers

import (
	"testing"
	"time"
)

func TestNextInterval(t *testing.T) {
	const every = 10 * time.Second
	for _, c := range []struct {
		name            string
		fromStart       bool
		due, start, end int
		want            int
	}{
		{"end to start", false, 0, 0, 3, 13},
		{"end to start, long run", false, 0, 0, 95, 105},
		{"end to start, late start", false, 0, 50, 51, 61},
		{"start to start", true, 0, 0, 3, 10},
		{"start to start, a small delay does not add up", true, 0, 2, 5, 10},
		{"late start, short run: back on the pace", true, 0, 8, 9, 10},
		{"ends exactly at the next instant", true, 0, 0, 10, 10},
		{"ran over one instant", true, 0, 0, 13, 13},
		{"ran over many instants: one run", true, 0, 0, 47, 47},
		{"after that the pace counts from there", true, 47, 47, 49, 57},
		{"stopped for long: this run stands for the missed ones", true, 0, 50, 51, 60},
		{"started exactly one interval late", true, 0, 10, 11, 20},
		{"stopped for long, and a long run", true, 0, 50, 75, 75},
		{"clock stepped back during the run", true, 20, 20, 5, 30},
	} {
		if got := NextInterval(every, c.fromStart, at(c.due), at(c.start), at(c.end)); !got.Equal(at(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, at(c.want))
		}
	}
}

func TestNextIntervalRoundsUp(t *testing.T) {
	end := at(3).Add(1)
	if got := NextInterval(time.Second, false, at(0), at(0), end); !got.Equal(at(4).Add(time.Millisecond)) {
		t.Errorf("got %v", got)
	}
}

// A task that takes a while, at a pace of its own, starts as often as the time
// allows, and never more than once at an instant.
func TestNextIntervalNeverBursts(t *testing.T) {
	const every = time.Second
	runs, due, clock := 0, at(0), at(0)
	stop := at(600)
	for ; due.Before(stop); runs++ {
		start := due
		if clock.After(start) {
			start = clock
		}
		clock = start.Add(200 * time.Millisecond)
		due = NextInterval(every, true, due, start, clock)
		if due.Before(clock) {
			t.Fatalf("next run at %v, before the end at %v", due, clock)
		}
	}
	if runs != 600 {
		t.Errorf("%d runs in 600 s, want 600", runs)
	}
}
