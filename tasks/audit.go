package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// WithoutRun returns those of the given schedules that have neither a waiting
// nor a going run: somebody deleted it, or a process died between two writes.
// EnsureRun looks again before it inserts one.
func (s *Store) WithoutRun(ctx context.Context, scs []Schedule) ([]Schedule, error) {
	if len(scs) == 0 {
		return nil, nil
	}
	keys := make([]string, len(scs))
	for i, sc := range scs {
		keys[i] = sc.Key
	}
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "pendingKey", Value: in(keys)}}, bson.D{{Key: "runningKey", Value: in(keys)}},
	}}}, options.Find().SetProjection(bson.D{{Key: "pendingKey", Value: 1}, {Key: "runningKey", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var runs []struct {
		PendingKey string `bson:"pendingKey"`
		RunningKey string `bson:"runningKey"`
	}
	if err := cur.All(ctx, &runs); err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, r := range runs {
		has[r.PendingKey], has[r.RunningKey] = true, true
	}
	var missing []Schedule
	for _, sc := range scs {
		if !has[sc.Key] {
			missing = append(missing, sc)
		}
	}
	return missing, nil
}
