package lgtask_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// BenchmarkEnqueue compares enqueueing with the raw operation that it is made
// of: the same document into a collection with the same validator and indexes,
// in turns. ratio is ours by raw, the median of the rounds, beside the least and
// the most.
func BenchmarkEnqueue(b *testing.B) {
	for _, goroutines := range []int{1, 2, 4, 8, 32, 128} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			e := newEnqueueBench(b)
			e.compare(b, 300*goroutines,
				func(ctx context.Context, n int) error { return e.spread(ctx, goroutines, n, e.insertOne) },
				func(ctx context.Context, n int) error { return e.spread(ctx, goroutines, n, e.createTask) })
		})
	}
}

// BenchmarkEnqueueBulk compares CreateTasks with insertMany of the same documents.
func BenchmarkEnqueueBulk(b *testing.B) {
	for _, n := range []int{100, 1000, 20_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			e := newEnqueueBench(b)
			e.compare(b, max(n, 5000),
				func(ctx context.Context, total int) error { return e.inBulk(ctx, total, n, e.insertMany) },
				func(ctx context.Context, total int) error { return e.inBulk(ctx, total, n, e.createTasks) })
		})
	}
}

func (e *enqueueBench) inBulk(ctx context.Context, total, n int, f func(context.Context, int) error) error {
	for ; total > 0; total -= n {
		if err := f(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (e *enqueueBench) insertMany(ctx context.Context, n int) error {
	docs := make([]bson.D, n)
	for i := range docs {
		docs[i] = e.document(i)
	}
	_, err := e.raw.InsertMany(ctx, docs)
	return err
}

func (e *enqueueBench) createTasks(ctx context.Context, n int) error {
	list := make([]lgtask.NewTask, n)
	for i := range list {
		list[i] = lgtask.NewTask{Class: "Mail", Kwargs: e.kwargs(i)}
	}
	_, err := e.conn.CreateTasks(ctx, list)
	return err
}

type enqueueBench struct {
	conn *lgtask.Connection
	raw  *mongo.Collection
}

func newEnqueueBench(b *testing.B) *enqueueBench {
	b.Helper()
	db := taskstest.DB(b)
	conns := make([]*lgtask.Connection, 2)
	for i, prefix := range []string{"", "raw_"} {
		conn, err := lgtask.New(db, lgtask.WithPrefix(prefix))
		if err != nil {
			b.Fatal(err)
		}
		// The first call makes the collections.
		if _, err := conn.CreateTask(b.Context(), "Mail", nil); err != nil {
			b.Fatal(err)
		}
		conns[i] = conn
	}
	return &enqueueBench{conn: conns[0], raw: db.Collection("raw_tasks", options.Collection().SetWriteConcern(writeconcern.Majority()))}
}

// mail is the kwargs of a task of the usual size.
type mail struct {
	To      string
	Subject string
	N       int
}

func (e *enqueueBench) kwargs(n int) mail {
	return mail{To: "somebody@example.org", Subject: "the quick brown fox", N: n}
}

// document is what lgtask writes for that task.
func (e *enqueueBench) document(n int) bson.D {
	now := bson.NewDateTimeFromTime(time.Now())
	return bson.D{
		{Key: "_id", Value: bson.NewObjectID()}, {Key: "v", Value: 1}, {Key: "taskClass", Value: "Mail"}, {Key: "taskName", Value: ""},
		{Key: "kwargs", Value: bson.D{{Key: "to", Value: "somebody@example.org"}, {Key: "subject", Value: "the quick brown fox"}, {Key: "n", Value: n}}},
		{Key: "state", Value: "request"}, {Key: "priority", Value: 0}, {Key: "tsInsert", Value: now}, {Key: "tsRequest", Value: now},
	}
}

func (e *enqueueBench) insertOne(ctx context.Context, n int) error {
	_, err := e.raw.InsertOne(ctx, e.document(n))
	return err
}

func (e *enqueueBench) createTask(ctx context.Context, n int) error {
	_, err := e.conn.CreateTask(ctx, "Mail", e.kwargs(n))
	return err
}

// spread does f n times from so many goroutines.
func (e *enqueueBench) spread(ctx context.Context, goroutines, n int, f func(context.Context, int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n) && failed.Load() == nil; i = next.Add(1) {
				if err := f(ctx, int(i)); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// compare lets both do n tasks in turns and reports their rates.
func (e *enqueueBench) compare(b *testing.B, n int, raw, ours func(context.Context, int) error) {
	b.Helper()
	measure := func(f func(context.Context, int) error) float64 {
		began := time.Now()
		if err := f(b.Context(), n); err != nil {
			b.Fatal(err)
		}
		return float64(n) / time.Since(began).Seconds()
	}
	measure(raw)
	measure(ours)
	var rawRates, rates, ratios []float64
	for b.Loop() {
		for range 7 {
			r, o := measure(raw), measure(ours)
			rawRates, rates, ratios = append(rawRates, r), append(rates, o), append(ratios, o/r)
		}
	}
	b.ReportMetric(median(rawRates), "raw/s")
	b.ReportMetric(median(rates), "ours/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
