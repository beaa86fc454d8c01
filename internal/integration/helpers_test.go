package integration

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// setup returns a database of the test's own and a connection to it.
func setup(t testing.TB) (*mongo.Database, *lgtask.Connection) {
	t.Helper()
	db := taskstest.DB(t)
	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return db, conn
}

// create enqueues a task of class Work.
func create(t testing.TB, conn *lgtask.Connection, w Work) lgtask.TaskID {
	t.Helper()
	return made(t)(lgtask.Create(t.Context(), conn, w))
}

// made reports a call that did not make a task. It may be used in any goroutine.
func made(t testing.TB) func(lgtask.Result, error) lgtask.TaskID {
	return func(r lgtask.Result, err error) lgtask.TaskID {
		t.Helper()
		if err != nil || !r.Created {
			t.Errorf("the call made no task: %+v, %v", r, err)
		}
		return r.ID
	}
}

// holdsSoon looks ten times a second whether ok holds, for a minute. It leaves the
// server alone more than taskstest.Eventually does.
func holdsSoon(ok func() bool) bool {
	over := time.After(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-over:
			return false
		case <-tick.C:
		}
	}
	return true
}

// eventually fails the test unless ok holds within a minute.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !holdsSoon(ok) {
		t.Fatalf("waited a minute for: %s", what)
	}
}

// count returns how many tasks match.
func count(t testing.TB, conn *lgtask.Connection, f lgtask.TaskFilter) int64 {
	t.Helper()
	n, err := conn.CountTasks(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// live selects the tasks that have not ended.
var live = lgtask.TaskFilter{States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}}

// allEnded waits until no task is waiting or going.
func allEnded(t testing.TB, conn *lgtask.Connection) {
	t.Helper()
	if holdsSoon(func() bool { return count(t, conn, live) == 0 }) {
		return
	}
	left, err := conn.Tasks(t.Context(), live)
	t.Fatalf("after a minute %d tasks or more had not ended: %+v, %v", len(left), left, err)
}

// checkStates wants so many tasks to have succeeded and none to have failed.
func checkStates(t testing.TB, conn *lgtask.Connection, succeeded int) {
	t.Helper()
	if n := count(t, conn, lgtask.TaskFilter{States: []lgtask.State{lgtask.StateSuccess}}); n != int64(succeeded) {
		t.Errorf("%d tasks succeeded, want %d", n, succeeded)
	}
	failed, err := conn.Tasks(t.Context(), lgtask.TaskFilter{States: []lgtask.State{lgtask.StateError}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failed {
		t.Errorf("task %s failed: %s", f.ID, f.LastLog)
	}
}

// pace calls f n times, one call each interval as far as f is that fast.
func pace(t testing.TB, n int, every time.Duration, f func(i int)) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		f(i)
	}
}
