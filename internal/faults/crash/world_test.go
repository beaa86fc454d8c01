//go:build faults && unix

package crash

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// The rules of liveness that the figures are compared with.
const (
	lease = 30 * time.Second
	look  = 5 * time.Second // between two looks at the others
)

// patience bounds each wait. It is long, so that a busy machine fails no test.
const patience = 2 * time.Minute

// world is a task database and the processes on it.
type world struct {
	*testing.T
	uri  string
	db   *mongo.Database
	conn *lgtask.Connection
	dir  string // of the name locks

	acked  []lgtask.TaskID
	killed map[int]time.Time // processes by their ids, and when they were killed
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, dir: t.TempDir(), killed: map[int]time.Time{}}
	u, err := mongouri.Parse(s.URI())
	if err == nil {
		u, err = u.WithDatabase("crash_" + bson.NewObjectID().Hex())
	}
	w.must(err)
	w.uri = u.Driver()
	client, err := mongo.Connect(options.Client().ApplyURI(w.uri).SetAppName("test"))
	w.must(err)
	w.db = client.Database(u.Database())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.db.Drop(ctx); err != nil {
			t.Error(err)
		}
		if err := client.Disconnect(ctx); err != nil {
			t.Error(err)
		}
	})
	w.conn, err = lgtask.New(w.db)
	w.must(err)
	return w
}

// must fails the test on an error of what it does itself.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// eventually waits for what no event announces.
func (w *world) eventually(what string, ok func() bool) (took time.Duration) {
	w.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > patience {
			w.Fatalf("waited %v for: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// lasts lets a time pass in which something may go wrong.
func (w *world) lasts(d time.Duration) {
	w.Helper()
	w.must(wait(w.Context(), d))
}

// wait waits, or returns the cause of ctx's end.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// create enqueues a task.
func (w *world) create(class string, kwargs any, opts ...lgtask.TaskOption) lgtask.TaskID {
	w.Helper()
	r, err := w.conn.CreateTask(w.Context(), class, kwargs, opts...)
	w.must(err)
	w.acked = append(w.acked, r.ID)
	return r.ID
}

// createMany enqueues n tasks of class Work that take up to that long.
func (w *world) createMany(r *rand.Rand, n int, most time.Duration) {
	w.Helper()
	list := make([]lgtask.NewTask, n)
	for i := range list {
		list[i] = lgtask.NewTask{Kwargs: Work{Takes: r.Int64N(most.Milliseconds() + 1)}}
	}
	results, err := w.conn.CreateTasks(w.Context(), list)
	w.must(err)
	for _, res := range results {
		w.must(res.Err)
		w.acked = append(w.acked, res.ID)
	}
}

// task reads a task.
func (w *world) task(id lgtask.TaskID) lgtask.Task {
	w.Helper()
	t, err := w.conn.Task(w.Context(), id)
	w.must(err)
	return t
}

// comes waits until a task is in a state.
func (w *world) comes(id lgtask.TaskID, state lgtask.State) lgtask.Task {
	w.Helper()
	var t lgtask.Task
	w.eventually("task "+id.String()+" to be "+string(state), func() bool {
		t = w.task(id)
		return t.State == state
	})
	return t
}

// open counts the tasks that have not ended.
func (w *world) open() int64 {
	w.Helper()
	n, err := w.conn.CountTasks(w.Context(), lgtask.TaskFilter{States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}})
	w.must(err)
	return n
}

// randomness returns the source of a schedule, and logs its seed: that of the
// environment, or a new one.
func randomness(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("CRASH_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("CRASH_SEED=%q is no number: %v", text, err)
		}
	}
	t.Logf("CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
