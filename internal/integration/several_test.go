package integration

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestTasksThatWaitedBeforeTheStart(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	ids := make([]lgtask.TaskID, 1000)
	for i := range ids {
		ids[i] = create(t, conn, Work{N: i})
	}
	begin := time.Now()
	ps := startAll(t, db, 2, childConfig{Processors: 4})
	allEnded(t, conn)
	t.Logf("1,000 waiting tasks were done %v after the start of the processes", time.Since(begin).Round(time.Millisecond))
	stopAll(t, ps)
	checkAll(t, db, ids)
	checkStates(t, conn, len(ids))
}

func TestEachProcessTakesItsClasses(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	left := start(t, db, childConfig{Name: "left", Processors: 2, Classes: []string{"Left"}})
	right := start(t, db, childConfig{Name: "right", Processors: 2, Classes: []string{"Right"}})
	var ids, foreign []lgtask.TaskID
	for i := range 100 {
		kwargs := bson.D{{Key: "n", Value: i}}
		ids = append(ids,
			made(t)(conn.CreateTask(t.Context(), "Left", kwargs)),
			made(t)(conn.CreateTask(t.Context(), "Right", kwargs)))
		if i < 10 {
			foreign = append(foreign, made(t)(conn.CreateTask(t.Context(), "Nobodys", kwargs)))
		}
	}
	eventually(t, "the end of what is registered", func() bool { return count(t, conn, live) == int64(len(foreign)) })
	stopAll(t, []*process{left, right})
	for _, e := range checkAll(t, db, ids) {
		if base, _, _ := strings.Cut(e.Processor, "-"); !strings.EqualFold(base, e.Class) {
			t.Errorf("a task of class %s ran on %s", e.Class, e.Processor)
		}
	}
	for _, id := range foreign {
		task, err := conn.Task(t.Context(), id)
		if err != nil || task.State != lgtask.StateRequest || task.Attempt != 0 || !task.Claim.IsZero() {
			t.Errorf("a task whose class nobody has: %+v, %v", task, err)
		}
	}
}

func TestKilledIdleProcessIsNotMissed(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	ps := startAll(t, db, 3, childConfig{Processors: 2})
	first := create(t, conn, Work{})
	allEnded(t, conn)
	ps[0].kill()
	ids := []lgtask.TaskID{first}
	pace(t, 100, 20*time.Millisecond, func(i int) { ids = append(ids, create(t, conn, Work{N: i})) })
	allEnded(t, conn)
	again := start(t, db, childConfig{Name: "a", Processors: 2})
	ids = append(ids, create(t, conn, Work{}))
	allEnded(t, conn)
	stopAll(t, append(ps[1:], again))
	byTask := checkAll(t, db, ids)
	var after []effect
	for _, id := range ids[1:] {
		after = append(after, byTask[id])
	}
	checkLateness(t, "after the kill", after, 5*time.Second)
	checkStates(t, conn, len(ids))
}

// TestNameFreedByAStoppingProcess lets a process stop while it runs a batch of
// which another run waits: the other process has to learn of the end.
func TestNameFreedByAStoppingProcess(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	batch := Work{Hold: 700}
	a := start(t, db, childConfig{Name: "a"})
	ids := []lgtask.TaskID{made(t)(lgtask.Batch(t.Context(), conn, lgtask.Now(), batch))}
	eventually(t, "the start of the first run", func() bool { return len(runs(t, db)) == 1 })
	b := start(t, db, childConfig{Name: "b"})
	ids = append(ids, made(t)(lgtask.Batch(t.Context(), conn, lgtask.Now(), batch)))
	a.askToStop()
	allEnded(t, conn)
	a.stopped()
	stopAll(t, []*process{b})
	byTask := checkAll(t, db, ids)
	first, second := byTask[ids[0]], byTask[ids[1]]
	if first.Processor != "a" || second.Processor != "b" {
		t.Errorf("the runs: %+v, %+v", first, second)
	}
	if wait := time.Duration(second.Start - first.End); wait < 0 || wait > 5*time.Second {
		t.Errorf("the second run began %v after the end of the first", wait)
	} else {
		t.Logf("the second run began %v after the end of the first", wait)
	}
}
