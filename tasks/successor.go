package tasks

import (
	"context"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// EnsureRun makes sure that a schedule has a waiting or a going run; a missing
// one is inserted, due at the given instant. It returns the run and whether it
// was created, or *KwargsConflictError if a run of that name has other kwargs.
// A waiting batch of the same name and kwargs becomes the schedule's run, at the
// earlier of the two times. One that is paused, or no more there, has none.
func (s *Store) EnsureRun(ctx context.Context, sc Schedule, due time.Time) (ID, bool, error) {
	if sc.Paused != nil {
		return ID{}, false, nil
	}
	// The number is read before the runs: if a run ends and its successor
	// starts in between, our insert collides with that successor's _id. The
	// runs are read at one instant, at which a schedule that goes on has one:
	// a successor is there before its predecessor has ended.
	n, err := s.lastNumber(ctx, sc.UID)
	if err != nil {
		return ID{}, false, err
	}
	runs, err := runsOf(ctx, s.snapshot, sc.Key)
	if err != nil {
		return ID{}, false, err
	}
	for _, r := range runs { // an adopted batch has a number, but not its _id
		if r.Schedule.UID == sc.UID {
			n = max(n, r.Schedule.Number)
		}
	}
	t := sc.run(n+1, due)
	waiting, err := sameKwargs(t, runs)
	switch {
	case err != nil:
		return ID{}, false, err
	case waiting != nil && waiting.Schedule.UID == sc.UID:
		return waiting.ID, false, nil
	case waiting != nil:
		_, err := s.moveUp(ctx, waiting.ID, t)
		return waiting.ID, false, err
	case len(runs) > 0:
		return runs[0].ID, false, nil
	}
	id, created, err := s.insertRun(ctx, sc, t)
	if err != nil || !created {
		return id, created, err
	}
	now, err := s.Schedule(ctx, sc.Key)
	if err == nil && now.UID == sc.UID && now.Paused == nil {
		return id, true, nil
	}
	if err != nil && err != ErrNotFound {
		return ID{}, false, err
	}
	return ID{}, false, s.dropRun(ctx, sc, "unscheduled or paused")
}

// Succeed makes sure of the run that follows the given one: a fresh run, or the
// batch that was queued meanwhile, which becomes the schedule's. It is called
// before the final state of h is written, so that a crash in between leaves a
// schedule with a next run. Repeating it does nothing. A schedule that was removed, or
// is paused, has no successor; one that was replaced meanwhile has its next run at the
// same instant.
func (s *Store) Succeed(ctx context.Context, h Held, sc Schedule, due time.Time) error {
	if sc.Paused != nil {
		return s.noteDue(ctx, sc, due)
	}
	n, err := s.numberOf(ctx, h, sc)
	if err != nil {
		return err
	}
	if _, _, err := s.insertRun(ctx, sc, sc.run(n+1, due)); err != nil {
		return err
	}
	return s.checkScheduled(ctx, h, sc, due)
}

// numberOf returns the number of the run h. A batch that ran under a name
// scheduled later may have been adopted since h was read; else it counts as the
// run before the first, or as the last one.
func (s *Store) numberOf(ctx context.Context, h Held, sc Schedule) (int64, error) {
	if h.Schedule.UID == sc.UID {
		return h.Schedule.Number, nil
	}
	t, err := s.Get(ctx, h.ID)
	if err == nil && t.Schedule.UID == sc.UID {
		return t.Schedule.Number, nil
	}
	if err != nil && err != ErrNotFound {
		return 0, err
	}
	return s.lastNumber(ctx, sc.UID)
}

// insertRun inserts a run; one that is there already, by _id or by name, will do.
func (s *Store) insertRun(ctx context.Context, sc Schedule, t *Task) (ID, bool, error) {
	err := s.Insert(ctx, t)
	switch {
	case err == nil:
		return t.ID, true, nil
	case duplicateOf(err, "_id_"):
		return t.ID, false, nil
	case !duplicateOf(err, pendingIndex) || InTransaction(ctx):
		return ID{}, false, err
	}
	waiting, err := s.findOne(ctx, bson.D{{Key: "pendingKey", Value: sc.Key}})
	if err == ErrNotFound {
		return ID{}, false, nil // it was claimed: it will have a successor itself
	}
	if err != nil {
		return ID{}, false, err
	}
	_, err = s.moveUp(ctx, waiting.ID, t) // unless it is the schedule's already
	return waiting.ID, false, err
}

// checkScheduled closes the gap in which a schedule is removed, paused or replaced
// between its reading and the insert of a successor: removal deletes first and
// cancels the waiting run then, we insert first and look again then.
func (s *Store) checkScheduled(ctx context.Context, h Held, sc Schedule, due time.Time) error {
	now, err := s.Schedule(ctx, sc.Key)
	if err == nil && now.UID == sc.UID {
		if now.Paused != nil {
			return s.HoldPaused(ctx, now)
		}
		return nil
	}
	if err != nil && err != ErrNotFound {
		return err
	}
	if dropErr := s.dropRun(ctx, sc, "unscheduled"); dropErr != nil || err == ErrNotFound {
		return dropErr
	}
	// Replaced: who did that saw h going and counts on it for the next run.
	return s.Succeed(ctx, h, now, due)
}

// dropRun takes back what insertRun did for a schedule that is gone or paused: a run
// of its own is aborted, one that a batch counts on is a batch.
func (s *Store) dropRun(ctx context.Context, sc Schedule, reason string) error {
	ofSchedule := bson.D{{Key: "pendingKey", Value: sc.Key}, {Key: "schedule.uid", Value: sc.UID}, {Key: "state", Value: Request}}
	own := append(bson.D{{Key: "asked", Value: bson.D{{Key: "$ne", Value: true}}}}, ofSchedule...)
	if _, err := s.tasks.UpdateOne(ctx, own, s.ended(Aborted, reason)); err != nil {
		return err
	}
	_, err := s.tasks.UpdateOne(ctx, ofSchedule, bson.D{{Key: "$unset", Value: bson.D{{Key: "schedule", Value: ""}}}})
	return err
}

// Retract takes back a schedule that was just written, with the run that the end
// of another run of its name may have inserted meanwhile.
func (s *Store) Retract(ctx context.Context, sc Schedule) error {
	if _, err := s.schedules.DeleteOne(ctx, bson.D{{Key: "_id", Value: sc.Key}, {Key: "uid", Value: sc.UID}}); err != nil {
		return err
	}
	return s.dropRun(ctx, sc, "unscheduled")
}

// run builds the run of a schedule with the given number.
func (sc *Schedule) run(n int64, due time.Time) *Task {
	ref := ScheduleRef{UID: sc.UID, Number: n}
	if strings.HasPrefix(sc.Missed, "all") {
		ref.At = due // which is otherwise lost if it is in the past
	}
	return &Task{
		ID: runID(ref), TaskClass: sc.TaskClass, TaskName: sc.TaskName, Kwargs: sc.Kwargs,
		Priority: sc.Priority, TsRequest: due, PendingKey: sc.Key, Schedule: ref,
	}
}
