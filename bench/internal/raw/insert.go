package raw

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/bench/internal/job"
)

// BulkSize is how many documents an insertMany has.
const BulkSize = 1000

// Documents returns the tasks with the numbers from first on, encoded, so that
// no encoding is left to be measured. due says when the task with the given number
// is due; nil means that all are now.
func Documents(first, n int, due func(i int) time.Time) ([]any, error) {
	return documents(job.Kind{}, first, n, due)
}

func documents(kind job.Kind, first, n int, due func(i int) time.Time) ([]any, error) {
	docs := make([]any, n)
	now := time.Now().Truncate(time.Millisecond)
	for k := range docs {
		at := now
		if due != nil {
			at = due(first + k)
		}
		d, err := kind.Document(first+k, now, at)
		if err != nil {
			return nil, err
		}
		text, err := bson.Marshal(d)
		if err != nil {
			return nil, err
		}
		docs[k] = bson.Raw(text)
	}
	return docs, nil
}

// Bulk inserts such tasks by insertMany of BulkSize.
func Bulk(ctx context.Context, c *mongo.Collection, first, n int, due func(i int) time.Time) error {
	return BulkOf(ctx, c, job.Kind{}, first, n, due)
}

// BulkOf is Bulk for tasks of another kind.
func BulkOf(ctx context.Context, c *mongo.Collection, kind job.Kind, first, n int, due func(i int) time.Time) error {
	for end := first + n; first < end; first += BulkSize {
		docs, err := documents(kind, first, min(BulkSize, end-first), due)
		if err != nil {
			return err
		}
		if _, err := c.InsertMany(ctx, docs); err != nil {
			return err
		}
	}
	return nil
}

// One inserts the task with the given number by insertOne.
func One(ctx context.Context, c *mongo.Collection, n int) error {
	docs, err := Documents(n, 1, nil)
	if err != nil {
		return err
	}
	_, err = c.InsertOne(ctx, docs[0])
	return err
}

// Spread calls f for 0 to n−1 from the given number of goroutines and returns how
// long each call took, in milliseconds, in no order. It stops at the first error.
func Spread(n, goroutines int, f func(i int) error) ([]float64, error) {
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		took   = make([]float64, n)
		wg     sync.WaitGroup
	)
	for range goroutines {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || failed.Load() != nil {
					return
				}
				began := time.Now()
				if err := f(i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				took[i] = float64(time.Since(began)) / 1e6
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return took, nil
}
