package tasks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// KwargsConflictError is returned when a name is asked for with other kwargs
// than those of its waiting or going run.
type KwargsConflictError struct {
	Key          string
	ID           ID // the run that is there
	State        State
	Have, Wanted bson.Raw
}

// Error implements error.
func (e *KwargsConflictError) Error() string {
	return fmt.Sprintf("%s has a run (%s, %s) with other kwargs: it has %s, asked for %s; use another taskName",
		e.Key, e.ID, e.State, shorten(e.Have.String()), shorten(e.Wanted.String()))
}

// namedTries bounds the loop of a named insert. Each round means that the
// waiting run was claimed between two of our statements.
const namedTries = 100

// InsertNamed adds the waiting run of a name, unless one waits already: then
// that one is moved up to t's due time and priority if these are earlier and
// higher. It returns the run that waits and whether it was created, or
// *KwargsConflictError. t.PendingKey must be set.
func (s *Store) InsertNamed(ctx context.Context, t *Task) (id ID, created bool, err error) {
	for try := range namedTries {
		have, err := runsOf(ctx, s.tasks, t.PendingKey)
		if err != nil {
			return ID{}, false, err
		}
		waiting, err := sameKwargs(t, have)
		if err != nil {
			return ID{}, false, err
		}
		if waiting != nil {
			ok, err := s.moveUp(ctx, waiting.ID, t)
			if err != nil || ok {
				return waiting.ID, false, err
			}
			continue
		}
		err = s.Insert(ctx, t)
		if !duplicateOf(err, pendingIndex) {
			return t.ID, err == nil, err
		}
		if InTransaction(ctx) {
			return ID{}, false, err // the transaction is gone: its owner decides
		}
		if err := pause(ctx, try); err != nil {
			return ID{}, false, err
		}
	}
	return ID{}, false, fmt.Errorf("%s: its waiting run was claimed %d times while it was being looked at; try again", t.PendingKey, namedTries)
}

// runsOf returns the waiting and the going run of a name. Outside a snapshot it
// may miss one that is claimed between the looks at the two indexes.
func runsOf(ctx context.Context, tasks *mongo.Collection, key string) ([]Task, error) {
	cur, err := tasks.Find(ctx, bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "pendingKey", Value: key}}, bson.D{{Key: "runningKey", Value: key}},
	}}})
	if err != nil {
		return nil, err
	}
	var ts []Task
	return ts, cur.All(ctx, &ts)
}

// sameKwargs compares t with the runs of its name and returns the waiting one.
func sameKwargs(t *Task, runs []Task) (waiting *Task, err error) {
	for i, r := range runs {
		if !KwargsEqual(r.Kwargs, kwargsOf(t)) {
			return nil, &KwargsConflictError{Key: Key(t.TaskClass, t.TaskName), ID: r.ID, State: r.State, Have: r.Kwargs, Wanted: kwargsOf(t)}
		}
		if r.PendingKey != "" {
			waiting = &runs[i]
		}
	}
	return waiting, nil
}

func kwargsOf(t *Task) bson.Raw {
	if t.Kwargs == nil {
		return emptyDocument
	}
	return t.Kwargs
}

// moveUp makes a waiting run due earlier and raises its priority. One of a schedule is
// then asked for by a batch too, and is not dropped with the schedule's own. It reports
// whether the run was still waiting.
func (s *Store) moveUp(ctx context.Context, id ID, t *Task) (bool, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return false, err
	}
	due := t.TsRequest
	if due.Before(now) {
		due = now
	}
	set := bson.D{{Key: "asked", Value: true}}
	update := bson.D{
		{Key: "$min", Value: bson.D{{Key: "tsRequest", Value: ceilMilli(due)}}},
		{Key: "$max", Value: bson.D{{Key: "priority", Value: t.Priority}}},
	}
	filter := bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}, {Key: "pendingKey", Value: bson.D{{Key: "$exists", Value: true}}}}
	if !t.Schedule.IsZero() { // t is a schedule's run: the waiting one becomes that
		set = append(set, bson.E{Key: "schedule", Value: t.Schedule})
		filter = append(filter, bson.E{Key: "schedule.uid", Value: bson.D{{Key: "$ne", Value: t.Schedule.UID}}})
	}
	res, err := s.tasks.UpdateOne(ctx, filter, append(update, bson.E{Key: "$set", Value: set}))
	if err != nil {
		return false, err
	}
	return res.MatchedCount == 1, nil
}

// CancelWaiting aborts the waiting run of a name, if there is one. A run that is
// going, or waits for another attempt, is left alone.
func (s *Store) CancelWaiting(ctx context.Context, key, reason string) (ID, bool, error) {
	for range namedTries {
		t, err := s.findOne(ctx, bson.D{{Key: "pendingKey", Value: key}, {Key: "state", Value: Request}})
		if err == ErrNotFound {
			return ID{}, false, nil
		}
		if err != nil {
			return ID{}, false, err
		}
		res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: t.ID}, {Key: "pendingKey", Value: key}, {Key: "state", Value: Request}}, s.ended(Aborted, reason))
		if err != nil {
			return ID{}, false, err
		}
		if res.MatchedCount == 1 {
			return t.ID, true, nil
		}
	}
	return ID{}, false, fmt.Errorf("%s: its waiting run changed %d times while it was being cancelled; try again", key, namedTries)
}

// pause waits a moment, longer with each try, unless ctx ends first.
func pause(ctx context.Context, try int) error {
	d := time.Duration(1+rand.IntN(1+min(try, 20))) * time.Millisecond
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
