package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// stepSlack is how much later than an interval from now its next run may be due.
const stepSlack = time.Second

// Audit returns those of the given schedules that are not as they should be: those that
// have neither a waiting nor a going run, since somebody deleted it, or a process died
// between two writes, for EnsureRun, which looks again; and intervals whose next run is
// due later than an interval from now, for PullIn. Only the first run of a schedule can
// be, by the caller's wish. Of any other it means that the server's clock was set back,
// and the interval would stand still for as long as that.
func (s *Store) Audit(ctx context.Context, scs []Schedule, now time.Time) (without, far []Schedule, err error) {
	if len(scs) == 0 {
		return nil, nil, nil
	}
	keys := make([]string, len(scs))
	for i, sc := range scs {
		keys[i] = sc.Key
	}
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "pendingKey", Value: in(keys)}}, bson.D{{Key: "runningKey", Value: in(keys)}},
	}}}, options.Find().SetProjection(asc("pendingKey", "runningKey", "tsRequest", "schedule")))
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
		case waits && sc.Spec.EveryMS > 0 && next.Schedule.UID == sc.UID && next.Schedule.Number > 1 && next.TsRequest.After(sc.latest(now).Add(stepSlack)):
			far = append(far, sc)
		}
	}
	return without, far, nil
}

// latest is when the next run of an interval is due at the latest.
func (sc *Schedule) latest(now time.Time) time.Time {
	return ceilMilli(now.Add(time.Duration(sc.Spec.EveryMS) * time.Millisecond))
}

// PullIn makes the waiting run of an interval due one interval from now, unless it is
// due earlier. It reports whether it was moved.
func (s *Store) PullIn(ctx context.Context, sc Schedule, now time.Time) (bool, error) {
	res, err := s.tasks.UpdateOne(ctx, bson.D{
		{Key: "pendingKey", Value: sc.Key}, {Key: "state", Value: Request},
		{Key: "schedule.uid", Value: sc.UID}, {Key: "schedule.n", Value: bson.D{{Key: "$gt", Value: 1}}},
	}, bson.D{{Key: "$min", Value: bson.D{{Key: "tsRequest", Value: sc.latest(now)}}}})
	return err == nil && res.ModifiedCount == 1, err
}
