package tasks

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// HeldBy returns what a process has claimed, as the database knows it: of each task
// the ID, the token and the key, with which Finish can give it back.
func (s *Store) HeldBy(ctx context.Context, epoch string) ([]Held, error) {
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "holder", Value: epoch}, {Key: "state", Value: in([]State{Working, Kill})}},
		options.Find().SetProjection(asc("_id", "claim.token", "runningKey")))
	if err != nil {
		return nil, fmt.Errorf("reading the tasks of a process: %w", err)
	}
	var docs []struct {
		ID    ID `bson:"_id"`
		Claim struct {
			Token bson.ObjectID `bson:"token"`
		} `bson:"claim"`
		Key string `bson:"runningKey"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("reading the tasks of a process: %w", err)
	}
	hs := make([]Held, len(docs))
	for i, d := range docs {
		hs[i] = Held{Candidate: Candidate{ID: d.ID}, Claim: Claim{Token: d.Claim.Token, Holder: epoch}, Key: d.Key}
	}
	return hs, nil
}
