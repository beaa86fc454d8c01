package raw

import (
	"context"
	"time"

	"github.com/sourcegraph/conc/pool"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/bench/internal/board"
)

// Fire claims each waiting task by its _id at the instant that due tells, notes
// the acknowledgement as its start, and finishes it.
func Fire(ctx context.Context, c *mongo.Collection, b *board.Board, due func(i int) time.Time) error {
	cur, err := c.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "tsRequest", Value: 1}}).
		SetProjection(bson.D{{Key: "kwargs.n", Value: 1}}))
	if err != nil {
		return err
	}
	var waiting []bson.Raw
	if err := cur.All(ctx, &waiting); err != nil {
		return err
	}
	p := pool.New().WithContext(ctx).WithCancelOnError()
	for _, doc := range waiting {
		n := doc.Lookup("kwargs", "n").AsInt64()
		t := time.NewTimer(time.Until(due(int(n))))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		p.Go(func(ctx context.Context) error {
			if err := Claim(ctx, c, doc.Lookup("_id")); err != nil {
				return err
			}
			b.Start(n)
			return Finish(ctx, c, doc.Lookup("_id"))
		})
	}
	return p.Wait()
}
