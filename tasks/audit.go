package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// stepSlack is how much later than an interval from now its next run may be due.
const stepSlack = time.Second

// FarRun is the waiting run of an interval that the server's clock, set back, has left
// in the future.
type FarRun struct {
	Schedule Schedule
	ID       ID
}

// Audit returns those of the given schedules that are not as they should be: those that
// have neither a waiting nor a going run, since somebody deleted it, or a process died
// between two writes, for EnsureRun, which looks again; and intervals whose next run is
// due later than an interval from now, for PullIn.
//
// A run that was due so late when it was inserted is left alone, as is the first of a
// schedule: somebody asked for that, by a first time or by a pause. Of any other it means
// that the server's clock was set back, and the interval would stand still for as long.
func (s *Store) Audit(ctx context.Context, scs []Schedule, now time.Time) (without []Schedule, far []FarRun, err error) {
	if len(scs) == 0 {
		return nil, nil, nil
	}
	keys := make([]string, len(scs))
	for i, sc := range scs {
		keys[i] = sc.Key
	}
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "pendingKey", Value: in(keys)}}, bson.D{{Key: "runningKey", Value: in(keys)}},
	}}}, options.Find().SetProjection(asc("pendingKey", "runningKey", "tsInsert", "tsRequest", "schedule")))
	if err != nil {
		return nil, nil, err
	}
	var runs []Task
	if err := cur.All(ctx, &runs); err != nil {
		return nil, nil, err
	}
	waiting, going := map[string]Task{}, map[string]bool{}
	for _, r := range runs {
		if r.PendingKey != "" {
			waiting[r.PendingKey] = r
		}
		going[r.RunningKey] = true
	}
	for _, sc := range scs {
		next, waits := waiting[sc.Key]
		switch {
		case !waits && !going[sc.Key]:
			without = append(without, sc)
		case waits && sc.leftBehind(&next, now):
			far = append(far, FarRun{sc, next.ID})
		}
	}
	return without, far, nil
}

// leftBehind reports whether a waiting run is due later than an interval from now, and was
// not when it was inserted.
func (sc *Schedule) leftBehind(next *Task, now time.Time) bool {
	return sc.Spec.EveryMS > 0 && next.Schedule.UID == sc.UID && next.Schedule.Number > 1 &&
		next.TsRequest.After(sc.latest(now).Add(stepSlack)) && !next.TsRequest.After(sc.latest(next.TsInsert).Add(stepSlack))
}

// latest is when the next run of an interval is due at the latest, seen from an instant.
func (sc *Schedule) latest(from time.Time) time.Time {
	return ceilMilli(from.Add(time.Duration(sc.Spec.EveryMS) * time.Millisecond))
}

// PullIn makes a run due one interval from now, unless it is due earlier or waits no
// more. It reports whether it was moved.
func (s *Store) PullIn(ctx context.Context, r FarRun, now time.Time) (bool, error) {
	res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "pendingKey", Value: r.Schedule.Key}, {Key: "state", Value: Request}},
		bson.D{{Key: "$min", Value: bson.D{{Key: "tsRequest", Value: r.Schedule.latest(now)}}}})
	return err == nil && res.ModifiedCount == 1, err
}
