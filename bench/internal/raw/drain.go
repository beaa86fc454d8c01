package raw

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/tasks"
)

// The shape of Drain: as many tasks in hand as lgtask may claim ahead, 2,000.
// Larger batches are hardly faster, smaller ones slower: of 100 by a third.
const (
	DrainBatch    = 1000 // tasks of one updateMany
	DrainInFlight = 2    // updateMany commands under way at a time
)

// Drain claims and finishes n waiting tasks in batches: one find reads the
// candidates in the order of the claim index, with the fields a processor needs,
// and two workers send the two updateMany commands of a batch each. It returns
// the time from the find to the last acknowledgement.
func Drain(ctx context.Context, c *mongo.Collection, n int) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []bson.RawValue)
	began := time.Now()
	var wg sync.WaitGroup
	for range DrainInFlight {
		wg.Go(func() {
			for ids := range batches {
				if err := pass(ctx, c, ids); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	found, err := candidates(ctx, c, batches)
	close(batches)
	wg.Wait()
	took := time.Since(began)
	switch {
	case context.Cause(ctx) != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, err
	case found != n:
		return 0, fmt.Errorf("%d tasks were waiting instead of %d", found, n)
	}
	return took, nil
}

// candidates sends the _ids of all due tasks in batches and returns how many
// there were.
func candidates(ctx context.Context, c *mongo.Collection, batches chan<- []bson.RawValue) (n int, err error) {
	fields := bson.D{}
	for _, f := range []string{"taskClass", "taskName", "priority", "tsInsert", "tsRequest", "attempt", "maxAttempts", "crashes", "kwargs"} {
		fields = append(fields, bson.E{Key: f, Value: 1})
	}
	cur, err := c.Find(ctx, bson.D{
		{Key: "taskClass", Value: job.NoopClass}, {Key: "state", Value: tasks.Request},
		{Key: "priority", Value: bson.D{{Key: "$gte", Value: tasks.MinPriority}, {Key: "$lte", Value: tasks.MaxPriority}}},
		{Key: "tsRequest", Value: bson.D{{Key: "$lte", Value: time.Now()}}},
	}, options.Find().SetProjection(fields).SetBatchSize(DrainBatch).
		SetSort(bson.D{{Key: "priority", Value: -1}, {Key: "tsRequest", Value: 1}, {Key: "_id", Value: 1}}))
	if err != nil {
		return 0, err
	}
	defer func() { _ = cur.Close(ctx) }() // the server has closed it at its end
	ids := make([]bson.RawValue, 0, DrainBatch)
	flush := func() {
		select {
		case batches <- slices.Clone(ids):
		case <-ctx.Done():
		}
		n, ids = n+len(ids), ids[:0]
	}
	for cur.Next(ctx) {
		id := cur.Current.Lookup("_id")
		id.Value = slices.Clone(id.Value) // the cursor's buffer is used again
		if ids = append(ids, id); len(ids) == DrainBatch {
			flush()
		}
	}
	if len(ids) > 0 {
		flush()
	}
	return n, cur.Err()
}
