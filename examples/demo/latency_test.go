package main

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 1, 7}, {[]time.Duration{7}, 99, 7},
		{[]time.Duration{1, 2}, 50, 1}, {[]time.Duration{1, 2}, 51, 2},
		{[]time.Duration{1, 2, 3}, 50, 2},
		{hundred, 0, 1}, {hundred, 50, 50}, {hundred, 90, 90}, {hundred, 99, 99}, {hundred, 100, 100},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("p%d of %d values: %d, want %d", c.p, len(c.values), got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	var f figures
	f.add(lgtask.Task{TaskClass: "CountFile", TsInsert: at(0), TsRequest: at(0), TsStart: at(10), TsStop: at(1200)})
	f.add(lgtask.Task{TaskClass: "SumPackage", TsInsert: at(5), TsRequest: at(1000), TsStart: at(1003), TsStop: at(2000)})
	f.add(lgtask.Task{TaskClass: "CountFile", TsInsert: at(1), TsRequest: at(1), TsStart: at(31), TsStop: at(32)})
	want := `
3 tasks in 2.0 s: 1 tasks/s

                     enqueued or due to start     start to end
class        tasks        p50      p90      p99        p50      p90      p99
CountFile        2      10 ms    30 ms    30 ms       1 ms    1.2 s    1.2 s
SumPackage       1       3 ms     3 ms     3 ms     997 ms   997 ms   997 ms
`
	if got := "\n" + f.String(); got != want {
		t.Errorf("%s\nwant%s", got, want)
	}
	if f.runs("CountFile") != 2 || f.runs("Other") != 0 {
		t.Errorf("runs: %d of CountFile, %d of Other", f.runs("CountFile"), f.runs("Other"))
	}
	if got := (&figures{}).String(); got == "" {
		t.Error("no tasks, no text")
	}
}
