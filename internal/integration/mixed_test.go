package integration

import (
	"strconv"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// TestSafetySweepFindsNothing lets all kinds of tasks run on 3 processes, which
// look at least twice meanwhile for tasks that neither a stream nor a timer
// brought. More often would be wrong: a task counts as missed only after two
// seconds.
func TestSafetySweepFindsNothing(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	ps := startAll(t, db, 3, childConfig{Processors: 4, Sweep: 3 * time.Second})
	ctx := t.Context()
	for _, name := range []string{"one", "two"} {
		made(t)(lgtask.Interval(ctx, conn, lgtask.In(time.Second), Work{Hold: 50}, lgtask.WithTaskName(name)))
	}
	check := func(_ lgtask.Result, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	pace(t, 150, 40*time.Millisecond, func(i int) {
		batch := lgtask.WithTaskName("batch" + strconv.Itoa(i%3))
		switch i % 4 {
		case 0:
			create(t, conn, Work{N: i, Hold: 20})
		case 1:
			check(lgtask.Delayed(ctx, conn, lgtask.In(time.Duration(i%50)*61*time.Millisecond), Work{N: i}))
		case 2:
			check(lgtask.Batch(ctx, conn, lgtask.In(time.Duration(i%3)*400*time.Millisecond), Work{Hold: 100}, batch))
		case 3:
			check(lgtask.Create(ctx, conn, Only{Hold: 60}, lgtask.WithTaskName("only"+strconv.Itoa(i%2))))
			check(lgtask.Create(ctx, conn, Only{Hold: 60}, lgtask.WithTaskName("only"+strconv.Itoa(i%2))))
		}
	})
	for _, name := range []string{"one", "two"} {
		check(conn.UnscheduleTask(ctx, "Work", lgtask.WithTaskName(name)))
	}
	allEnded(t, conn)
	stopAll(t, ps)

	es := runs(t, db)
	byTask := checkRuns(t, es)
	checkStates(t, conn, len(byTask))
	kinds := map[string][]effect{}
	for _, e := range es {
		kind := e.Class
		if e.Name != "" {
			kind += ", named"
		}
		kinds[kind] = append(kinds[kind], e)
	}
	checkApart(t, kinds["Work, named"])
	checkApart(t, kinds["Only, named"])
	for kind, es := range kinds {
		checkLateness(t, kind, es, 2*time.Second)
	}
	aborted := count(t, conn, lgtask.TaskFilter{TaskClass: "Only", States: []lgtask.State{lgtask.StateAborted}})
	t.Logf("%d singletons met a going run", aborted)
	if aborted == 0 {
		t.Error("no singleton met a going run, so that was not tested")
	}
}
