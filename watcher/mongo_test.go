package watcher

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// reader is a Sink as a processor has one: Reset reads the collection, and both
// together must see every task.
type reader struct {
	store  *tasks.Store
	w      *Watcher
	resets chan struct{}
	events chan tasks.Event
	stop   func()

	mu   sync.Mutex
	seen map[tasks.ID]bool
}

func (r *reader) Reset(ctx context.Context) error {
	err := r.store.Fresh(ctx, func(ctx context.Context) error {
		ts, err := r.store.Find(ctx, tasks.Filter{Limit: 10_000})
		for _, task := range ts {
			r.see(task.ID)
		}
		return err
	})
	if err == nil {
		r.resets <- struct{}{}
	}
	return err
}

func (r *reader) Handle(_ context.Context, ev tasks.Event) error {
	if ev.Kind == tasks.Inserted {
		r.see(ev.ID)
	}
	r.events <- ev
	return nil
}

func (r *reader) see(id tasks.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[id] = true
}

// watch follows the tasks of db until the test ends, or stop is called, and
// returns once it listens.
func watch(t *testing.T, db *mongo.Database) *reader {
	t.Helper()
	r := &reader{
		store:  tasks.NewStore(db, tasks.Options{}),
		resets: make(chan struct{}, 1000),
		events: make(chan tasks.Event, 10_000),
		seen:   map[tasks.ID]bool{},
	}
	r.w = New(Options{Source: FromStore(r.store), Sink: r})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.w.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(r.stop)
	r.reset(t)
	<-r.w.Listening()
	return r
}

// reset waits for the next Reset.
func (r *reader) reset(t *testing.T) {
	t.Helper()
	select {
	case <-r.resets:
	case <-time.After(time.Minute):
		t.Fatalf("no Reset within a minute: %+v", r.w.Stats())
	}
}

// event waits for the next event of the given kind.
func (r *reader) event(t *testing.T, kind tasks.EventKind) tasks.Event {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case ev := <-r.events:
			if ev.Kind == kind {
				return ev
			}
		case <-timeout:
			t.Fatalf("no event of kind %d within a minute: %+v", kind, r.w.Stats())
		}
	}
}

// insert adds n tasks, one by one.
func (r *reader) insert(t *testing.T, n int) (ids []tasks.ID) {
	t.Helper()
	for range n {
		task := &tasks.Task{TaskClass: "Watched"}
		if err := r.store.Insert(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, task.ID)
	}
	return ids
}

// missesNone waits until every one of the tasks has been seen.
func (r *reader) missesNone(t *testing.T, ids []tasks.ID) {
	t.Helper()
	taskstest.Eventually(t, "all tasks seen", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, id := range ids {
			if !r.seen[id] {
				return false
			}
		}
		return true
	})
}

// cursors returns the cursors that the server holds on the tasks of db, whether
// it is waiting in one or not.
func cursors(t *testing.T, db *mongo.Database) (ids []int64) {
	t.Helper()
	cur, err := db.Client().Database("admin").Aggregate(context.Background(), mongo.Pipeline{
		{{Key: "$currentOp", Value: bson.D{{Key: "allUsers", Value: true}, {Key: "idleCursors", Value: true}}}},
		{{Key: "$match", Value: bson.D{
			{Key: "ns", Value: db.Name() + ".tasks"},
			{Key: "cursor.tailable", Value: true},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var ops []struct {
		Cursor struct {
			ID int64 `bson:"cursorId"`
		} `bson:"cursor"`
	}
	if err := cur.All(context.Background(), &ops); err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		ids = append(ids, op.Cursor.ID)
	}
	return ids
}
