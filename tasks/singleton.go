package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// RefuseSingleton ends a waiting plain or delayed run of a singleton whose name
// is going: aborted, "already running", or an error that shows both kwargs if
// they differ. It reports false if the going run has ended meanwhile, so that
// the claim may be tried again. A run that has the name itself is left alone: it was
// claimed meanwhile, and may have been given back.
func (s *Store) RefuseSingleton(ctx context.Context, c Candidate, key string) (refused bool, err error) {
	going, err := s.findOne(ctx, bson.D{{Key: "runningKey", Value: key}})
	if err == ErrNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	kw := c.Kwargs
	if kw == nil {
		if kw, err = s.Kwargs(ctx, c.ID); err == ErrNotFound {
			return true, nil // ended by somebody else, or malformed
		}
		if err != nil {
			return false, err
		}
	}
	state, reason := Aborted, "already running: "+going.ID.String()
	if !KwargsEqual(going.Kwargs, kw) {
		state = Error
		reason = (&KwargsConflictError{Key: key, ID: going.ID, State: going.State, Have: going.Kwargs, Wanted: kw}).Error()
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: c.ID}}}, {Key: "state", Value: Request}, {Key: "runningKey", Value: nil}}
	_, err = s.end(ctx, filter, s.ended(state, reason))
	return err == nil, err
}
