package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// RefuseSingleton ends a waiting plain or delayed run of a singleton whose name
// is going: aborted, "already running", or an error that shows both kwargs if
// they differ. It reports false if the going run has ended meanwhile, so that
// the claim may be tried again.
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
	_, err = s.Refuse(ctx, c.ID, state, reason)
	return err == nil, err
}
