package integration

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// TestIntervalKeepsItsPaceFor60s lets 20 processors in 4 processes race for the
// runs of one interval. They begin before the test waits for its turn among the
// parallel ones, so that it does not add its minute to theirs.
func TestIntervalKeepsItsPaceFor60s(t *testing.T) {
	const length = 60 * time.Second
	db, conn := setup(t)
	ps := startAll(t, db, 4, childConfig{Processors: 5})
	made(t)(lgtask.Interval(t.Context(), conn, lgtask.Text("1 second"), Work{Hold: 200}, lgtask.FromStart()))
	over := time.After(length + time.Second)
	t.Parallel()
	<-over
	if _, err := conn.UnscheduleTask(t.Context(), "Work"); err != nil {
		t.Fatal(err)
	}
	allEnded(t, conn)
	stopAll(t, ps)

	es := runs(t, db)
	checkRuns(t, es)
	checkApart(t, es)
	checkPace(t, conn, es, length)
	checkLateness(t, "interval", es, 5*time.Second)
}

// checkPace wants one run for each interval. A run that ended only after the
// next one was due, as on a machine that stood still for a moment, moves the
// pace by so much and by no more.
func checkPace(t *testing.T, conn *lgtask.Connection, es []effect, length time.Duration) {
	t.Helper()
	const every = time.Second
	within, lost := 1, time.Duration(0)
	shortest, longest := time.Hour, time.Duration(0)
	for i, e := range es[1:] {
		before := es[i]
		if e.Start < es[0].Start+int64(length) {
			within++
		}
		gap := time.Duration(e.Start - before.Start)
		shortest, longest = min(shortest, gap), max(longest, gap)
		step := e.Due.Sub(before.Due)
		task, err := conn.Task(t.Context(), before.Task)
		if err != nil {
			t.Fatal(err)
		}
		if step < every || step > every && task.TsStop.Before(before.Due.Add(every)) {
			t.Errorf("a run was due %v after the one before it, which ended in time, %v: %+v, %+v", step, task.TsStop, before, e)
		}
		lost += step - every
	}
	t.Logf("%d runs in %v, %v to %v from start to start; the machine cost %v", within, length,
		shortest.Round(time.Millisecond), longest.Round(time.Millisecond), lost)
	if want := int((length - lost) / every); within < want-1 || within > want+1 {
		t.Errorf("%d runs in %v, want %d ± 1", within, length, want)
	}
	if lost > 5*every {
		t.Errorf("the pace was lost for %v", lost)
	}
}
