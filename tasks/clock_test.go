package tasks

import (
	"slices"
	"testing"
	"time"
)

// A machine whose clock is offset behind the server's answers after rtt; the
// reply took back of that on its way.
func sampleOf(at time.Time, offset, rtt, back time.Duration) clockSample {
	return clockSample{at: at, offset: offset - back, rtt: rtt, primary: "a"}
}

var clockStart = time.UnixMilli(1e12) // no monotonic reading

func TestClockBeforeTheFirstSample(t *testing.T) {
	var c clock
	if off, fresh := c.estimate(clockStart); off != 0 || fresh {
		t.Errorf("%v, %v", off, fresh)
	}
}

func TestClockIsLowerBound(t *testing.T) {
	const offset = 300 * time.Millisecond
	var c clock
	best := -time.Hour
	replies := append([]time.Duration{9, 2, 30, 5, 1, 400, 7, 8}, slices.Repeat([]time.Duration{20}, clockKeep)...)
	for i, back := range replies {
		back *= time.Millisecond
		at := clockStart.Add(time.Duration(i) * time.Second)
		if c.add(sampleOf(at, offset, back+time.Millisecond, back)) {
			t.Errorf("sample %d: a slow reply counts as a jump", i)
		}
		if i < clockKeep {
			best = max(best, offset-back)
		}
		got, fresh := c.estimate(at)
		if got > offset || !fresh {
			t.Errorf("sample %d: %v is ahead of %v, or stale", i, got, offset)
		}
		if i < clockKeep && got != best {
			t.Errorf("sample %d: %v, the best was %v", i, got, best)
		}
	}
	if got, _ := c.estimate(clockStart); got != offset-20*time.Millisecond || len(c.samples) != clockKeep {
		t.Errorf("%v from %d samples: old ones were kept", got, len(c.samples))
	}
}

func TestClockAge(t *testing.T) {
	var c clock
	c.add(sampleOf(clockStart, time.Second, 0, 0))
	for age, want := range map[time.Duration]bool{0: true, clockMaxAge: true, clockMaxAge + 1: false, 24 * time.Hour: false} {
		if _, fresh := c.estimate(clockStart.Add(age)); fresh != want {
			t.Errorf("after %v: %v", age, fresh)
		}
	}
	// A new sample drives out those that are too old.
	c.add(sampleOf(clockStart.Add(clockMaxAge+time.Second), time.Second, 10*time.Millisecond, 10*time.Millisecond))
	if off, _ := c.estimate(clockStart.Add(clockMaxAge + time.Second)); off != 990*time.Millisecond || len(c.samples) != 1 {
		t.Errorf("%v from %d samples", off, len(c.samples))
	}
}

func TestClockJumps(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		next clockSample
		want bool
	}{
		"the same":               {sampleOf(clockStart, 0, 2*ms, ms), false},
		"ahead by little":        {sampleOf(clockStart, 40*ms, 2*ms, ms), false},
		"back by little":         {sampleOf(clockStart, -40*ms, 2*ms, ms), false},
		"ahead":                  {sampleOf(clockStart, 60*ms, 2*ms, ms), true},
		"back":                   {sampleOf(clockStart, -60*ms, 2*ms, ms), true},
		"an hour back":           {sampleOf(clockStart, -time.Hour, 2*ms, ms), true},
		"a slow reply":           {sampleOf(clockStart, 0, 900*ms, 890*ms), false},
		"a slow request":         {sampleOf(clockStart, 0, 900*ms, 0), false},
		"back, and a slow reply": {sampleOf(clockStart, -time.Hour, 900*ms, 890*ms), true},
		"another primary":        {clockSample{at: clockStart, rtt: ms, primary: "b"}, true},
	} {
		var k clock
		for range 3 {
			k.add(sampleOf(clockStart, 0, 2*ms, ms))
		}
		if got := k.add(c.next); got != c.want {
			t.Errorf("%s: jumped %v", name, got)
		}
		if off, _ := k.estimate(clockStart); c.want && (off != c.next.offset || len(k.samples) != 1) {
			t.Errorf("%s: %v from %d samples after a jump", name, off, len(k.samples))
		}
	}
}

// A local clock that was set, or a machine that slept, makes the estimate
// unreliable: the wall clock moved against the monotonic one.
func TestClockAfterSettingTheLocalClock(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		age, wall time.Duration
		want      bool
	}{
		{0, 0, true}, {s, s, true}, {s, s + clockJump, true}, {s, s - clockJump, true},
		{s, s + clockJump + 1, false}, {s, s - clockJump - 1, false},
		{s, 8 * time.Hour, false}, {s, -time.Hour, false}, {-1, -1, false}, {-time.Hour, 0, false},
		{clockMaxAge, clockMaxAge, true}, {clockMaxAge + 1, clockMaxAge, false},
	} {
		if got := reliable(c.age, c.wall); got != c.want {
			t.Errorf("age %v, by the wall clock %v: %v", c.age, c.wall, got)
		}
	}
	var c clock
	now := time.Now() // with a monotonic reading
	c.add(sampleOf(now, 0, 0, 0))
	if _, fresh := c.estimate(now.Add(s)); !fresh {
		t.Error("unreliable after a second")
	}
}

// The first estimate is the best of several; renewing it costs one question.
func TestClockSamplesWanted(t *testing.T) {
	var c clock
	if n := c.samplesWanted(); n != clockFirst {
		t.Errorf("%d samples for the first estimate", n)
	}
	c.add(sampleOf(clockStart, time.Second, 0, 0))
	if n := c.samplesWanted(); n != 1 {
		t.Errorf("%d samples to renew it", n)
	}
}
