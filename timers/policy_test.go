package timers

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPolicyNext(t *testing.T) {
	every := Pace(10*time.Second, at(0))
	once, skip := Policy{Missed: MissedOnce, Overlap: OverlapSkip}, Policy{Missed: MissedSkip, Overlap: OverlapSkip}
	queue := Policy{Missed: MissedOnce, Overlap: OverlapQueue}
	all := Policy{Missed: MissedAll, Window: 35 * time.Second}
	for _, c := range []struct {
		name            string
		p               Policy
		due, start, end int
		want            int
	}{
		{"in time", once, 0, 0, 3, 10},
		{"in time, all", all, 0, 0, 3, 10},
		{"before its instant, by a clock that is behind", once, 10, 9, 9, 20},
		{"late: what was missed is not made up for", once, 0, 33, 34, 40},
		{"late, skipped", skip, 0, 33, 33, 40},
		{"late, all: the next one is due", all, 0, 33, 34, 10},
		{"late, all, in the window only", all, 0, 133, 134, 100},
		{"late, all, at the edge of the window", all, 0, 134, 135, 100},
		{"ran over one instant", once, 0, 0, 13, 20},
		{"ran over one instant, queue", queue, 0, 0, 13, 13},
		{"ran over many instants, queue: one run", queue, 0, 0, 47, 47},
		{"ran over many instants, all", all, 0, 0, 47, 20},
		{"ends exactly at an instant", once, 0, 0, 10, 20},
		{"ends exactly at an instant, queue", queue, 0, 0, 10, 10},
		{"late and long", once, 0, 33, 55, 60},
		{"late and long, queue", queue, 0, 33, 55, 55},
		{"the clock stepped back an hour during the run", once, 3600, 3600, 10, 3610},
	} {
		if got := c.p.Next(every, at(c.due), at(c.start), at(c.end)); !got.Equal(at(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, at(c.want))
		}
	}
}

// With MissedAll each instant of the window has exactly one run, whatever passed.
func TestPolicyAllMakesUpForEach(t *testing.T) {
	cron, err := ParseCron("*/5 * * * *")
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{Missed: MissedAll, Window: time.Hour}
	due, now := cron.Next(at(0)), at(0).Add(6*time.Hour) // stopped for six hours
	var runs []time.Time
	for due.Before(now) {
		start := now
		now = now.Add(7 * time.Second)
		runs = append(runs, due)
		due = p.Next(cron.Next, due, start, now)
	}
	if len(runs) != 1+12 { // the one that waited, and an hour's
		t.Errorf("%d runs: %v", len(runs), runs)
	}
	for i, r := range runs[1:] {
		if i > 0 && r.Sub(runs[i]) != 5*time.Minute {
			t.Errorf("after %v comes %v", runs[i], r)
		}
	}
}

func TestPace(t *testing.T) {
	every := Pace(10*time.Second, at(100))
	for after, want := range map[int]int{100: 110, 109: 110, 110: 120, 111: 120, 95: 100, 90: 100, 89: 90, 80: 90, 0: 10} {
		if got := every(at(after)); !got.Equal(at(want)) {
			t.Errorf("after %d: %v, want %d", after, got, want)
		}
	}
	if got := every(at(100).Add(-1)); !got.Equal(at(100)) {
		t.Errorf("a nanosecond before: %v", got)
	}
}

func TestParsePolicies(t *testing.T) {
	for text, want := range map[string]struct {
		m Missed
		w time.Duration
	}{
		"": {MissedOnce, 0}, "once": {MissedOnce, 0}, " skip ": {MissedSkip, 0},
		"all 6 hours": {MissedAll, 6 * time.Hour}, "all 6h0m0s": {MissedAll, 6 * time.Hour}, "all  1 day 2 hours": {MissedAll, 26 * time.Hour},
	} {
		if m, w, err := ParseMissed(text); err != nil || m != want.m || w != want.w {
			t.Errorf("%q: %s, %v, %v", text, m, w, err)
		}
	}
	for _, text := range []string{"all", "all ", "all 0s", "all -1h", "all x", "all 5 ms", "once more", "skip 1h", "none", "ONCE"} {
		_, _, err := ParseMissed(text)
		wantPolicyError(t, text, err)
	}
	for _, text := range []string{"", "skip", "queue"} {
		if o, err := ParseOverlap(text); err != nil || string(o) != text {
			t.Errorf("%q: %q, %v", text, o, err)
		}
	}
	_, err := ParseOverlap("allow")
	wantPolicyError(t, "allow", err)
}

func FuzzParseMissed(f *testing.F) {
	for _, text := range []string{"", "once", "all 6 hours", "all 1h", "all 9999999h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, w, err := ParseMissed(text)
		if err != nil {
			wantPolicyError(t, text, err)
			return
		}
		if (m == MissedAll) != (w >= time.Second) {
			t.Errorf("%q: %s, %v", text, m, w)
		}
	})
}

func wantPolicyError(t *testing.T, text string, err error) {
	t.Helper()
	var wrong *SyntaxError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "write ") {
		t.Errorf("%q: %v", text, err)
	}
}
