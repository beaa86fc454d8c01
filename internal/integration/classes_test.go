package integration

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// registry has the classes that a child process can run.
func registry() *lgtask.Registry {
	r := lgtask.NewRegistry()
	lgtask.Register[Work](r)
	lgtask.Register[Left](r)
	lgtask.Register[Right](r)
	lgtask.Register[Only](r)
	lgtask.Register[Count](r)
	return r
}

// Work records its run and takes a while.
type Work struct {
	N    int     // which of a test's tasks it is
	Hold int64   // milliseconds that a run takes
	Sent float64 // when the task was inserted, seconds since 1970; 0 if not told
}

// Run implements lgtask.Runner.
func (w Work) Run(ctx context.Context, t *lgtask.TaskContext) error {
	e := effect{N: w.N, Sent: int64(w.Sent * 1e9)}
	return record(ctx, t, e, func(*effect) error { return hold(ctx, w.Hold) })
}

// Left and Right are for processes that do not run the same classes.
type (
	Left  struct{ Work }
	Right struct{ Work }
)

// Only is a singleton.
type Only struct {
	lgtask.SingletonTask
	N    int
	Hold int64
}

// Run implements lgtask.Runner.
func (o Only) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return record(ctx, t, effect{N: o.N}, func(*effect) error { return hold(ctx, o.Hold) })
}

// Count records what the counter of its name stands at when it runs.
type Count struct{}

// Run implements lgtask.Runner.
func (Count) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return record(ctx, t, effect{}, func(e *effect) error {
		var c counter
		err := counters(t.Connection().Database()).FindOne(ctx, bson.D{{Key: "_id", Value: t.TaskName()}}).Decode(&c)
		e.Value = c.Value
		return err
	})
}

// counter is a document of the collection counters.
type counter struct {
	Name  string `bson:"_id"`
	Value int64  `bson:"value"`
}

func counters(db *mongo.Database) *mongo.Collection { return db.Collection("counters") }

// hold waits so many milliseconds.
func hold(ctx context.Context, ms int64) error {
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
