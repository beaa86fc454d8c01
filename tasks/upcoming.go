package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Due is a waiting task and its instant.
type Due struct {
	ID        ID        `bson:"_id"`
	TaskClass string    `bson:"taskClass"`
	TsRequest time.Time `bson:"tsRequest"`
}

// Upcoming returns up to limit waiting tasks due at or after the given instant,
// the earliest first, whatever their class. Fewer than limit means that there
// are no more. A document that matches but is malformed is ended as an error.
func (s *Store) Upcoming(ctx context.Context, from time.Time, limit int) ([]Due, error) {
	cur, err := s.tasks.Find(ctx,
		bson.D{{Key: "state", Value: Request}, {Key: "tsRequest", Value: bson.D{{Key: "$gte", Value: from}}}},
		options.Find().SetSort(asc("tsRequest")).SetLimit(int64(limit)).SetHint(dueIndex).
			SetProjection(bson.D{{Key: "taskClass", Value: 1}, {Key: "tsRequest", Value: 1}}).SetBatchSize(2000))
	if err != nil {
		return nil, err
	}
	defer cur.Close(ctx)
	due, malformed := make([]Due, 0, min(limit, 1024)), false
	for cur.Next(ctx) {
		var d Due
		if err := bson.Unmarshal(cur.Current, &d); err == nil {
			due = append(due, d)
			continue
		}
		v := cur.Current.Lookup("_id")
		if _, err := s.Adopt(ctx, ID{v.Type, string(v.Value)}); err != nil && err != ErrNotFound {
			return nil, err
		}
		malformed = true
	}
	if malformed && cur.Err() == nil {
		return s.Upcoming(ctx, from, limit) // fewer than limit must mean the end
	}
	return due, cur.Err()
}

// Fresh calls f with a context in which reads see everything that the majority
// had acknowledged before the call. A stream that was opened before Fresh and
// the reads inside it together miss nothing.
func (s *Store) Fresh(ctx context.Context, f func(context.Context) error) error {
	sess, err := s.db.Client().StartSession(options.Session().SetCausalConsistency(true))
	if err != nil {
		return err
	}
	defer sess.EndSession(context.WithoutCancel(ctx))
	ctx = mongo.NewSessionContext(ctx, sess)
	if err := s.db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}, primaryOnly).Err(); err != nil {
		return err
	}
	return f(ctx)
}
