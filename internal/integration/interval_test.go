package integration

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// TestIntervalKeepsItsPaceFor60s lets 20 processors in 4 processes race for the
// runs of one interval.
func TestIntervalKeepsItsPaceFor60s(t *testing.T) {
	t.Parallel()
	const length = 60 * time.Second
	db, conn := setup(t)
	ps := startAll(t, db, 4, childConfig{Processors: 5})
	made(t)(lgtask.Interval(t.Context(), conn, lgtask.Text("1 second"), Work{Hold: 200}, lgtask.FromStart()))
	<-time.After(length + time.Second)
	if _, err := conn.UnscheduleTask(t.Context(), "Work"); err != nil {
		t.Fatal(err)
	}
	allEnded(t, conn)
	stopAll(t, ps)

	es := runs(t, db)
	checkRuns(t, es)
	checkApart(t, es)
	within, shortest, longest := 0, time.Hour, time.Duration(0)
	for i, e := range es {
		if e.Start < es[0].Start+int64(length) {
			within++
		}
		if i > 0 {
			gap := time.Duration(e.Start - es[i-1].Start)
			shortest, longest = min(shortest, gap), max(longest, gap)
			checkPace(t, es[i-1], e)
		}
	}
	if within < 59 || within > 61 {
		t.Errorf("%d runs in %v, want 60 ± 1", within, length)
	}
	t.Logf("%d runs in %v, %v to %v from start to start", within, length, shortest.Round(time.Millisecond), longest.Round(time.Millisecond))
	logLateness(t, "interval", es)
}

// checkPace wants a run to be due one interval after the one before it. Only one
// that started or ended too late for that moves the pace.
func checkPace(t *testing.T, before, e effect) {
	t.Helper()
	const every = time.Second
	if step := e.Due.Sub(before.Due); step != every && time.Duration(before.End-before.Due.UnixNano()) < every*9/10 {
		t.Errorf("a run was due %v after the one before it, which was on time: %+v, %+v", step, before, e)
	}
}
