package integration

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// TestStreamCursorKilledEverySecond feeds the same tasks to two processors: one
// is left alone, the other's cursor is killed every second.
func TestStreamCursorKilledEverySecond(t *testing.T) {
	t.Parallel()
	quietDB, quiet := setup(t)
	cutDB, cut := setup(t)
	c := childConfig{Name: "quiet", Processors: 8}
	left := start(t, quietDB, c)
	c.Name = "cut"
	hit := start(t, cutDB, c)
	killed := make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { killed <- killCursors(ctx, t, cutDB) }()

	var quietIDs, cutIDs []lgtask.TaskID
	pace(t, 1000, 8*time.Millisecond, func(i int) {
		var both sync.WaitGroup
		both.Go(func() { quietIDs = append(quietIDs, create(t, quiet, Work{N: i})) })
		cutIDs = append(cutIDs, create(t, cut, Work{N: i}))
		both.Wait()
	})
	allEnded(t, cut)
	cancel()
	n := <-killed
	allEnded(t, quiet)
	stopAll(t, []*process{left})
	stats := hit.stop()
	t.Logf("%d cursors killed, one after another; %d openings by the watcher, the others by the driver; %d missed by the cut one",
		n, stats.Watcher.Openings, stats.Missed)
	if n < 4 {
		t.Errorf("%d cursors were killed, so little was tested", n)
	}
	for _, side := range []struct {
		name string
		db   *mongo.Database
		conn *lgtask.Connection
		ids  []lgtask.TaskID
		most time.Duration // late
	}{
		{"quiet", quietDB, quiet, quietIDs, 5 * time.Second},
		{"cut", cutDB, cut, cutIDs, time.Minute}, // it waits ever longer before it opens the next stream
	} {
		checkAll(t, side.db, side.ids)
		checkStates(t, side.conn, len(side.ids))
		checkLateness(t, side.name, runs(t, side.db), side.most)
	}
}

// killCursors kills the cursors of the streams on db's tasks once a second until
// ctx ends, and returns how many different ones there were: each but the first
// was opened because the one before it was gone.
func killCursors(ctx context.Context, t *testing.T, db *mongo.Database) int {
	killed := map[int64]bool{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return len(killed)
		case <-tick.C:
		}
		ids, err := streamCursors(ctx, db)
		if err == nil && len(ids) > 0 {
			err = db.RunCommand(ctx, bson.D{{Key: "killCursors", Value: "tasks"}, {Key: "cursors", Value: ids}}).Err()
		}
		if ctx.Err() != nil {
			return len(killed)
		}
		if err != nil {
			t.Errorf("killing cursors: %v", err)
		}
		for _, id := range ids {
			killed[id] = true
		}
	}
}

// streamCursors returns the cursors of change streams on db's tasks, whether the
// server waits for an event or the client for the next request.
func streamCursors(ctx context.Context, db *mongo.Database) ([]int64, error) {
	cur, err := db.Client().Database("admin").Aggregate(ctx, mongo.Pipeline{
		{{Key: "$currentOp", Value: bson.D{{Key: "idleCursors", Value: true}, {Key: "allUsers", Value: true}}}},
		{{Key: "$match", Value: bson.D{{Key: "ns", Value: db.Name() + ".tasks"}, {Key: "cursor.awaitData", Value: true}}}},
	})
	if err != nil {
		return nil, err
	}
	var ops []struct {
		Cursor struct {
			ID int64 `bson:"cursorId"`
		} `bson:"cursor"`
	}
	err = cur.All(ctx, &ops)
	ids := make([]int64, len(ops))
	for i, op := range ops {
		ids[i] = op.Cursor.ID
	}
	return ids, err
}

// TestCollectionDropped drops the collection twice while processors run.
func TestCollectionDropped(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	ps := startAll(t, db, 2, childConfig{Processors: 2})
	for round := range 2 {
		for i := range 20 {
			create(t, conn, Work{N: i})
		}
		allEnded(t, conn)
		going := create(t, conn, Work{Hold: 500}) // loses its document while it runs
		eventually(t, "the start of a run", func() bool {
			return count(t, conn, lgtask.TaskFilter{States: []lgtask.State{lgtask.StateWorking}}) == 1
		})
		dropped := time.Now()
		if err := db.Collection("tasks").Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		atOnce := create(t, conn, Work{}) // makes a collection without indexes, if it is the first to do so
		eventually(t, "the indexes", func() bool { return indexes(t, db) == 8 })
		t.Logf("round %d: the indexes were back after %v", round, time.Since(dropped).Round(time.Millisecond))
		ids := []lgtask.TaskID{atOnce}
		for i := range 50 {
			ids = append(ids, create(t, conn, Work{N: i}))
		}
		ids = append(ids, made(t)(lgtask.Batch(t.Context(), conn, lgtask.Now(), Work{})),
			made(t)(lgtask.Delayed(t.Context(), conn, lgtask.In(300*time.Millisecond), Work{})))
		allEnded(t, conn)
		t.Logf("round %d: %d new tasks were done after %v", round, len(ids), time.Since(dropped).Round(time.Millisecond))
		checkStates(t, conn, len(ids))
		byTask := checkRuns(t, runs(t, db))
		for _, id := range append(ids, going) {
			if _, ok := byTask[id]; !ok {
				t.Errorf("round %d: task %s did not run", round, id)
			}
		}
	}
	for _, p := range ps {
		p.stop()
	}
}

// indexes returns how many indexes the tasks have, that of _id included.
func indexes(t testing.TB, db *mongo.Database) int {
	t.Helper()
	specs, err := db.Collection("tasks").Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(specs)
}
