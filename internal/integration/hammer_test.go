package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// TestBatchHammer calls BatchTask from 8 goroutines while 3 processes run the
// batches. Each call is preceded by a change that its run has to see.
func TestBatchHammer(t *testing.T) {
	t.Parallel()
	db, conn := setup(t)
	ps := startAll(t, db, 3, childConfig{Processors: 3})
	h := &hammer{db: db, conn: conn, seen: map[lgtask.TaskID]int64{}}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; ctx.Err() == nil; i++ {
				// The test's context: a call under way when the time is over is a call.
				if err := h.call(t.Context(), fmt.Sprintf("n%d", i%5)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	allEnded(t, conn)
	stopAll(t, ps)

	es := runs(t, db)
	byTask := checkRuns(t, es)
	checkApart(t, es)
	checkStates(t, conn, len(byTask))
	if len(byTask) != h.created {
		t.Errorf("%d runs, but %d were created", len(byTask), h.created)
	}
	for id, value := range h.seen {
		if e, ok := byTask[id]; !ok || e.Value < value {
			t.Errorf("a call's task %s ran at %d, before the change number %d that the call was about: %+v", id, e.Value, value, e)
		}
	}
	h.checkLast(t, es)
	t.Logf("%d calls, %d runs", h.calls, len(es))
	checkLateness(t, "batches", es, 5*time.Second)
}

// hammer makes calls and keeps what each was answered.
type hammer struct {
	db   *mongo.Database
	conn *lgtask.Connection

	mu      sync.Mutex
	calls   int
	created int
	seen    map[lgtask.TaskID]int64 // the highest change that a call with this answer was about
}

// call counts the name's counter up and asks for a run that sees it.
func (h *hammer) call(ctx context.Context, name string) error {
	var c counter
	err := counters(h.db).FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: name}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "value", Value: 1}}}},
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&c)
	if err != nil {
		return err
	}
	r, err := lgtask.Batch(ctx, h.conn, lgtask.Now(), Count{}, lgtask.WithTaskName(name))
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if r.Created {
		h.created++
	}
	h.seen[r.ID] = max(h.seen[r.ID], c.Value)
	return nil
}

// checkLast wants the last run of each name to have seen all changes.
func (h *hammer) checkLast(t *testing.T, es []effect) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range es {
		last[e.Name] = e.Value
	}
	cur, err := counters(h.db).Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var cs []counter
	if err := cur.All(t.Context(), &cs); err != nil {
		t.Fatal(err)
	}
	if len(cs) != 5 {
		t.Errorf("%d counters", len(cs))
	}
	for _, c := range cs {
		if last[c.Name] != c.Value {
			t.Errorf("the last run of %s saw change %d of %d", c.Name, last[c.Name], c.Value)
		}
	}
}
