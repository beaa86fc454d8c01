package tasks

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Killed returns the tasks of a process that somebody asked to stop, and those that
// nobody holds, see EndKilled. It is for a process whose stream was interrupted: the
// events of that time are lost.
func (s *Store) Killed(ctx context.Context, holder string) (held, unheld []ID, err error) {
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "holder", Value: in([]any{holder, nil})}, {Key: "state", Value: Kill}},
		options.Find().SetProjection(asc("_id", "holder")).SetHint(killIndex))
	if err != nil {
		return nil, nil, err
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		v := cur.Current.Lookup("_id")
		id := ID{v.Type, string(v.Value)}
		if absent(cur.Current.Lookup("holder")) {
			unheld = append(unheld, id)
		} else {
			held = append(held, id)
		}
	}
	return held, unheld, cur.Err()
}

// EndKilled ends, as an error, a task whose state was set to kill by hand while
// nobody held it: no holder will. It reports whether there was one.
func (s *Store) EndKilled(ctx context.Context, id ID) (bool, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: id}}}, {Key: "state", Value: Kill}, {Key: "holder", Value: nil}}
	return s.end(ctx, filter, s.ended(Error, "killed before it started"))
}

// Errors of Kill and Retry.
var (
	// ErrEnded is returned for a task that has ended.
	ErrEnded = errors.New("the task has ended")
	// ErrNotEnded is returned for a task that waits or is going.
	ErrNotEnded = errors.New("the task has not failed")
	// ErrScheduledRun is returned for the waiting run of a schedule, which would only
	// be set again.
	ErrScheduledRun = errors.New("the task is the next run of a schedule; end the schedule instead")
	// ErrRunWaits is returned if another run of the name waits or is going.
	ErrRunWaits = errors.New("another run of its name waits")
)

// Kill asks for a task to be stopped: one that waits ends as an error, and whoever
// holds one that is going is told by the change stream. It returns the state that the
// task has then. Asking again changes nothing. Errors: ErrNotFound, ErrEnded,
// ErrScheduledRun.
func (s *Store) Kill(ctx context.Context, id ID) (State, error) {
	for {
		res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Working}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: Kill}}}})
		if err != nil {
			return "", err
		}
		if res.MatchedCount == 1 {
			return Kill, nil
		}
		waiting := bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: id}}}, {Key: "state", Value: Request}, {Key: "schedule", Value: nil}}
		if ended, err := s.end(ctx, waiting, s.ended(Error, "killed before it started")); ended || err != nil {
			return Error, err
		}
		t, err := s.Get(ctx, id)
		switch {
		case err != nil:
			return "", err
		case t.State == Kill:
			return Kill, nil
		case t.State.Final():
			return t.State, fmt.Errorf("%w as %s", ErrEnded, t.State)
		case t.State == Request && !t.Schedule.IsZero():
			return Request, ErrScheduledRun
		}
		// It was claimed or given back in between.
	}
}

// again is the update that has an ended task wait once more, due now, with all its
// attempts before it and its errors kept. A batch has its name again.
var again = mongo.Pipeline{
	{{Key: "$set", Value: bson.D{
		{Key: "state", Value: Request}, {Key: "tsRequest", Value: "$$NOW"}, {Key: "attempt", Value: 0}, {Key: "crashes", Value: 0},
		{Key: "pendingKey", Value: bson.D{{Key: "$ifNull", Value: bson.A{"$lastKey", "$$REMOVE"}}}},
	}}},
	{{Key: "$unset", Value: bson.A{"lastKey", "runningKey", "holder", "claim", "tsStart", "tsStop", "expireAt", "progress"}}},
}

// failed selects tasks that Retry brings back.
var failed = bson.E{Key: "state", Value: in([]State{Error, Aborted})}

// Retry has a task that ended as an error, or was aborted, wait again, due now.
// Errors: ErrNotFound; ErrNotEnded, also for one that succeeded; ErrRunWaits.
func (s *Store) Retry(ctx context.Context, id ID) error {
	res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, failed}, again)
	switch {
	case duplicateOf(err, pendingIndex):
		return ErrRunWaits
	case err != nil:
		return err
	case res.MatchedCount == 1:
		return nil
	}
	t, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: its state is %s", ErrNotEnded, t.State)
}

// RetryAll does so with all tasks of a class ("": of any) that ended as an error. It
// returns how many wait again, and how many do not since another run of their name
// waits.
func (s *Store) RetryAll(ctx context.Context, class string) (back, left int, err error) {
	filter := bson.D{{Key: "state", Value: Error}}
	if class != "" {
		filter = append(filter, bson.E{Key: "taskClass", Value: bson.D{{Key: "$eq", Value: class}}})
	}
	res, err := s.tasks.UpdateMany(ctx, append(filter, bson.E{Key: "lastKey", Value: nil}), again)
	if err != nil {
		return 0, 0, err
	}
	back = int(res.ModifiedCount)
	cur, err := s.tasks.Find(ctx, append(filter, bson.E{Key: "lastKey", Value: bson.D{{Key: "$ne", Value: nil}}}),
		options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}).SetProjection(asc("_id")))
	if err != nil {
		return back, 0, err
	}
	named, err := idsOf(ctx, cur) // the newest of a name comes first
	for _, id := range named {
		switch err := s.Retry(ctx, id); {
		case err == nil:
			back++
		case errors.Is(err, ErrRunWaits):
			left++
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotEnded): // meanwhile
		default:
			return back, left, err
		}
	}
	return back, left, err
}
