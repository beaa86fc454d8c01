package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Pause says that a schedule has no runs for the time being.
type Pause struct {
	Since  time.Time `bson:"since" json:"since"`
	Reason string    `bson:"reason,omitempty" json:"reason,omitempty"`
	// Due is when the next run would have been due; zero while the last still goes.
	Due time.Time `bson:"due,omitempty" json:"due,omitzero"`
}

// PauseSchedule marks a schedule as paused and aborts its waiting run. A run that is
// going ends normally, and has no successor. A schedule that is paused stays so, with
// its reason; it may be repeated after an error. It returns whether it was not paused
// before, or ErrNotFound.
func (s *Store) PauseSchedule(ctx context.Context, key, reason string) (bool, error) {
	// The mark first: who inserts a run looks for it again afterwards.
	res, err := s.schedules.UpdateOne(ctx, bson.D{{Key: "_id", Value: key}, {Key: "paused", Value: nil}}, mongo.Pipeline{
		{{Key: "$set", Value: bson.D{{Key: "paused", Value: bson.D{{Key: "since", Value: "$$NOW"}, {Key: "reason", Value: literal(reason)}}}}}},
	})
	if err != nil {
		return false, err
	}
	sc, err := s.Schedule(ctx, key)
	if err != nil {
		return false, err
	}
	return res.MatchedCount == 1, s.HoldPaused(ctx, sc)
}

// HoldPaused makes sure that a paused schedule has no waiting run.
func (s *Store) HoldPaused(ctx context.Context, sc Schedule) error {
	t, err := s.findOne(ctx, bson.D{{Key: "pendingKey", Value: sc.Key}, {Key: "schedule.uid", Value: sc.UID}, {Key: "state", Value: Request}})
	switch {
	case err == ErrNotFound:
		return nil
	case err != nil:
		return err
	}
	if err := s.noteDue(ctx, sc, t.TsRequest); err != nil {
		return err
	}
	return s.dropRun(ctx, sc, "paused")
}

// noteDue remembers when the run is due that a paused schedule does not have: what was
// told last, since a batch may run meanwhile.
func (s *Store) noteDue(ctx context.Context, sc Schedule, due time.Time) error {
	_, err := s.schedules.UpdateOne(ctx, bson.D{{Key: "_id", Value: sc.Key}, {Key: "uid", Value: sc.UID},
		{Key: "paused", Value: bson.D{{Key: "$ne", Value: nil}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "paused.due", Value: due}}}})
	return err
}

// ResumeSchedule takes the mark away. It returns the schedule as it was before, whose
// next run is then up to the caller, or ErrNotFound.
func (s *Store) ResumeSchedule(ctx context.Context, key string) (Schedule, error) {
	var sc Schedule
	err := s.schedules.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: key}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "paused", Value: ""}}}}).Decode(&sc)
	if err == mongo.ErrNoDocuments {
		return sc, ErrNotFound
	}
	return sc, err
}
