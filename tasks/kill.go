package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Killed returns the tasks of a process that somebody asked to stop. It is for
// a process whose stream was interrupted: the events of that time are lost.
func (s *Store) Killed(ctx context.Context, holder string) ([]ID, error) {
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "holder", Value: holder}, {Key: "state", Value: Kill}},
		options.Find().SetProjection(asc("_id")).SetHint(killIndex))
	if err != nil {
		return nil, err
	}
	return idsOf(ctx, cur)
}

// EndKilled ends, as an error, a task whose state was set to kill by hand while
// nobody held it: no holder will. It reports whether there was one.
func (s *Store) EndKilled(ctx context.Context, id ID) (bool, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: id}}}, {Key: "state", Value: Kill}, {Key: "holder", Value: nil}}
	return s.end(ctx, filter, s.ended(Error, "killed before it started"))
}
