package lgtask

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// tick is one step of a budget, at the given time after the begin.
type tick struct {
	at       time.Duration
	waiting  time.Duration // since the begin, negative: nothing waits
	finished time.Duration // since the begin
	load     float64       // negative: no sample
	want     string
}

var none = -time.Hour

func TestListenBudget(t *testing.T) {
	for _, c := range []struct {
		name  string
		ticks []tick
	}{
		{"a backlog and tasks that end", []tick{
			{at: 30 * ms, waiting: 0, finished: 25 * ms, load: -1, want: stateListening},
			{at: 49 * ms, waiting: 0, finished: 40 * ms, load: -1, want: stateListening},
			{at: 50 * ms, waiting: 0, finished: 0, load: -1, want: stateBusy},
			{at: 1000 * ms, waiting: 0, finished: 60 * ms, load: -1, want: stateBusy}, // ends come in batches
			{at: 1061 * ms, waiting: 0, finished: 60 * ms, load: -1, want: stateAsking},
		}},
		{"a backlog and long tasks", []tick{
			{at: 100 * ms, waiting: 0, finished: 49 * ms, load: -1, want: stateListening},
			{at: 10 * time.Second, waiting: 0, finished: 49 * ms, load: -1, want: stateListening},
		}},
		{"many short tasks and no backlog", []tick{
			{at: 100 * ms, waiting: none, finished: 100 * ms, load: -1, want: stateListening},
			{at: 200 * ms, waiting: 160 * ms, finished: 200 * ms, load: -1, want: stateListening},
			{at: 300 * ms, waiting: 260 * ms, finished: 300 * ms, load: -1, want: stateListening},
		}},
		{"the end of work", []tick{
			{at: 200 * ms, waiting: 0, finished: 199 * ms, load: -1, want: stateBusy},
			{at: 240 * ms, waiting: none, finished: 239 * ms, load: -1, want: stateAsking},
			{at: 280 * ms, waiting: none, finished: 239 * ms, load: 15_000, want: stateAsking},
			{at: 320 * ms, waiting: none, finished: 239 * ms, load: 0, want: stateAsking},
			{at: 569 * ms, waiting: none, finished: 239 * ms, load: 0, want: stateAsking},
			{at: 570 * ms, waiting: none, finished: 239 * ms, load: 0, want: stateListening},
		}},
		{"without samples it stays away", []tick{
			{at: 200 * ms, waiting: 0, finished: 199 * ms, load: -1, want: stateBusy},
			{at: 240 * ms, waiting: none, finished: 239 * ms, load: -1, want: stateAsking},
			{at: time.Hour, waiting: none, finished: 239 * ms, load: -1, want: stateAsking},
		}},
		{"a storm, and its end", []tick{
			{at: 1 * time.Second, waiting: none, load: 20_001, want: stateListening},
			{at: 1100 * ms, waiting: none, load: 20_001, want: stateAsking},
			{at: 1250 * ms, waiting: none, load: 1_000_000, want: stateAsking},
			{at: 1400 * ms, waiting: none, load: 10_001, want: stateAsking}, // hysteresis
			{at: 1600 * ms, waiting: none, load: 10_000, want: stateAsking},
			{at: 1700 * ms, waiting: none, load: 10_001, want: stateAsking}, // not over yet
			{at: 1800 * ms, waiting: none, load: 0, want: stateAsking},
			{at: 2049 * ms, waiting: none, load: 0, want: stateAsking},
			{at: 2050 * ms, waiting: none, load: 0, want: stateListening},
		}},
		{"a moment's burst is no storm", []tick{
			{at: 1 * time.Second, waiting: none, load: 90_000, want: stateListening},
			{at: 1100 * ms, waiting: none, load: 20_000, want: stateListening},
			{at: 2 * time.Second, waiting: none, load: 90_000, want: stateListening},
			{at: 2020 * ms, waiting: none, load: -1, want: stateListening},
			{at: 2050 * ms, waiting: none, load: 0, want: stateListening},
		}},
		{"work in a storm, and a storm after the work", []tick{
			{at: 1 * time.Second, waiting: none, load: 90_000, want: stateListening},
			{at: 1100 * ms, waiting: none, load: 90_000, want: stateAsking},
			{at: 1190 * ms, waiting: 1150 * ms, finished: 1200 * ms, load: -1, want: stateAsking},
			{at: 1250 * ms, waiting: 1150 * ms, finished: 1250 * ms, load: -1, want: stateBusy},
			{at: 1300 * ms, waiting: none, finished: 1250 * ms, load: -1, want: stateAsking},
			{at: 1400 * ms, waiting: none, finished: 1250 * ms, load: 90_000, want: stateAsking},
			{at: 9 * time.Second, waiting: none, finished: 1250 * ms, load: 90_000, want: stateAsking},
		}},
		{"work that just does not count as busy keeps it away", []tick{
			{at: 200 * ms, waiting: 0, finished: 200 * ms, load: -1, want: stateBusy},
			{at: 1300 * ms, waiting: 0, finished: 200 * ms, load: -1, want: stateAsking},
			{at: 1400 * ms, waiting: 0, finished: 1310 * ms, load: 0, want: stateAsking},
			{at: 2200 * ms, waiting: 0, finished: 1310 * ms, load: 0, want: stateAsking},
			{at: 2400 * ms, waiting: 0, finished: 1310 * ms, load: 0, want: stateAsking},
			{at: 2700 * ms, waiting: 0, finished: 1310 * ms, load: 0, want: stateListening}, // one long task is no reason
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			b := newListenBudget(begin)
			for _, k := range c.ticks {
				in := listenInput{now: begin.Add(k.at), finished: begin.Add(k.finished), sampled: k.load >= 0, load: k.load}
				if k.waiting >= 0 {
					in.waiting = begin.Add(k.waiting)
				}
				if b.step(in); b.state != k.want {
					t.Fatalf("after %v: %s, want %s (%+v)", k.at, b.state, k.want, b)
				}
			}
		})
	}
}

// TestListenBudgetFlaps: storms with pauses that are just long enough to listen
// again lead to fewer and fewer openings, until there has been a longer calm.
func TestListenBudgetFlaps(t *testing.T) {
	now := time.Now()
	b := newListenBudget(now)
	run := func(d time.Duration, load float64) {
		for end := now.Add(d); now.Before(end); {
			now = now.Add(100 * ms)
			b.step(listenInput{now: now, sampled: true, load: load})
		}
	}
	burst := func(pause time.Duration) (opened bool) {
		run(time.Second, 90_000)
		before := b.stormTimes
		run(pause, 0)
		if b.stormTimes != before {
			t.Fatal("closed without a storm")
		}
		return b.state == stateListening
	}
	openings := 0
	for range 120 {
		if burst(time.Second) {
			openings++
		}
	}
	if openings > 10 {
		t.Errorf("%d openings in 120 storms of a second", openings)
	}
	if !burst(time.Minute) || !burst(time.Second) {
		t.Error("a long calm does not make it listen soon again")
	}
}

// TestListenBudgetRefused: a server that refuses the question is met by the path
// in, which creates what was dropped.
func TestListenBudgetRefused(t *testing.T) {
	now := time.Now()
	b := newListenBudget(now)
	b.enter(now, stateAsking)
	if b.step(listenInput{now: now.Add(ms), broken: true}); b.state != stateListening {
		t.Errorf("state %s", b.state)
	}
}

func TestUntilSample(t *testing.T) {
	for begin := range 1000 {
		now := time.Unix(1_800_000_000, int64(begin)*int64(ms))
		wait := untilSample(now)
		if wait < 300*ms || wait > 1300*ms {
			t.Errorf("from %v: %v", now, wait)
		}
		if at := now.Add(wait).Nanosecond(); at < int(750*ms) || at >= int(880*ms) {
			t.Errorf("from %v after %v: %d ns into the second", now, wait, at)
		}
	}
}
