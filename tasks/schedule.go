package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Schedule is a document of the collection schedules: an interval or cron task.
type Schedule struct {
	Key       string        `bson:"_id" json:"key"` // taskClass/taskName
	V         int           `bson:"v" json:"v"`
	UID       bson.ObjectID `bson:"uid" json:"uid"` // of this definition; the runs are named after it
	TaskClass string        `bson:"taskClass" json:"taskClass"`
	TaskName  string        `bson:"taskName" json:"taskName"`
	Kwargs    bson.Raw      `bson:"kwargs" json:"-"`
	Spec      ScheduleSpec  `bson:"schedule" json:"schedule"`
	Missed    string        `bson:"missed" json:"missed"`                       // policy for missed runs: "once", "skip", "all 6h0m0s"
	Overlap   string        `bson:"overlap,omitempty" json:"overlap,omitempty"` // what passes during a run: "skip", "queue"; empty: as the kind has it
	Priority  int           `bson:"priority" json:"priority"`
	TsInsert  time.Time     `bson:"tsInsert" json:"tsInsert"`
	Paused    *Pause        `bson:"paused,omitempty" json:"paused,omitempty"` // nil: it is not; no part of the definition
}

// ScheduleSpec is when a schedule runs: every and fromStart, or cron and tz.
type ScheduleSpec struct {
	EveryMS   int64  `bson:"every,omitempty" json:"everyMs,omitempty"`
	FromStart bool   `bson:"fromStart,omitempty" json:"fromStart,omitempty"`
	Cron      string `bson:"cron,omitempty" json:"cron,omitempty"`
	TZ        string `bson:"tz,omitempty" json:"tz,omitempty"`
}

// ScheduleExistsError is returned for a schedule whose name is taken by another
// definition. Nothing was changed.
type ScheduleExistsError struct {
	Key          string
	Field        string // the first field that differs
	Have, Wanted string
}

// Error implements error.
func (e *ScheduleExistsError) Error() string {
	return fmt.Sprintf("%s is scheduled with another definition: %s is %s, asked for %s; unschedule it first, or ask for its replacement",
		e.Key, e.Field, e.Have, e.Wanted)
}

// diff returns the first field in which two definitions differ.
func (sc *Schedule) diff(want *Schedule) error {
	if !KwargsEqual(sc.Kwargs, want.Kwargs) {
		return &ScheduleExistsError{sc.Key, "kwargs", shorten(sc.Kwargs.String()), shorten(want.Kwargs.String())}
	}
	for _, f := range []struct {
		name       string
		have, want any
	}{
		{"every", time.Duration(sc.Spec.EveryMS) * time.Millisecond, time.Duration(want.Spec.EveryMS) * time.Millisecond},
		{"fromStart", sc.Spec.FromStart, want.Spec.FromStart},
		{"cron", strconv.Quote(sc.Spec.Cron), strconv.Quote(want.Spec.Cron)},
		{"tz", strconv.Quote(sc.Spec.TZ), strconv.Quote(want.Spec.TZ)},
		{"missed", sc.Missed, want.Missed},
		{"overlap", strconv.Quote(sc.Overlap), strconv.Quote(want.Overlap)},
		{"priority", sc.Priority, want.Priority},
	} {
		if f.have != f.want {
			return &ScheduleExistsError{sc.Key, f.name, fmt.Sprint(f.have), fmt.Sprint(f.want)}
		}
	}
	return nil
}

// PutSchedule adds a schedule. If its name is scheduled already, the same
// definition changes nothing and another is *ScheduleExistsError, unless replace
// is set. It returns the schedule as it stands and whether it was written. The
// caller then makes sure of its next run with EnsureRun.
func (s *Store) PutSchedule(ctx context.Context, want Schedule, replace bool) (Schedule, bool, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return want, false, err
	}
	want.V, want.TsInsert, want.UID = Version, now, bson.NewObjectID()
	if want.Kwargs == nil {
		want.Kwargs = emptyDocument
	}
	probe := Task{TaskClass: want.TaskClass, TaskName: want.TaskName, Priority: want.Priority, Kwargs: want.Kwargs, TsRequest: now}
	if err := probe.check(); err != nil {
		return want, false, err
	}
	for range namedTries {
		have, err := s.Schedule(ctx, want.Key)
		switch {
		case err == ErrNotFound:
			_, err := s.schedules.InsertOne(ctx, want)
			if mongo.IsDuplicateKeyError(err) && !InTransaction(ctx) {
				continue
			}
			return want, err == nil, err
		case err != nil:
			return want, false, err
		}
		differs := have.diff(&want)
		if differs == nil || !replace {
			return have, false, differs
		}
		if have.Paused != nil {
			want.Paused = &Pause{Since: have.Paused.Since, Reason: have.Paused.Reason}
		}
		res, err := s.schedules.ReplaceOne(ctx, bson.D{{Key: "_id", Value: want.Key}, {Key: "uid", Value: have.UID}}, want)
		if err != nil || res.MatchedCount == 1 {
			return want, err == nil, err
		}
	}
	return want, false, fmt.Errorf("schedule %s changed %d times while it was being written; try again", want.Key, namedTries)
}

// Schedule returns the schedule of a key, or ErrNotFound.
func (s *Store) Schedule(ctx context.Context, key string) (Schedule, error) {
	var sc Schedule
	err := s.schedules.FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&sc)
	if err == mongo.ErrNoDocuments {
		return Schedule{}, ErrNotFound
	}
	return sc, err
}

// Schedules returns the schedules of the given classes, or all if there are none.
func (s *Store) Schedules(ctx context.Context, classes []string) ([]Schedule, error) {
	filter := bson.D{}
	if len(classes) > 0 {
		filter = bson.D{{Key: "taskClass", Value: in(classes)}}
	}
	cur, err := s.schedules.Find(ctx, filter, options.Find().SetSort(asc("_id")))
	if err != nil {
		return nil, err
	}
	var scs []Schedule
	return scs, cur.All(ctx, &scs)
}

// RemoveSchedule deletes a schedule and reports whether there was one.
func (s *Store) RemoveSchedule(ctx context.Context, key string) (bool, error) {
	res, err := s.schedules.DeleteOne(ctx, bson.D{{Key: "_id", Value: key}})
	if err != nil {
		return false, err
	}
	return res.DeletedCount == 1, nil
}

// runID names a run after its schedule and number. The digits are padded so that
// the order of the names is that of the numbers.
func runID(r ScheduleRef) ID {
	id, err := StringID(fmt.Sprintf("%s:%012d", r.UID.Hex(), r.Number))
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return id
}

// runRange is the condition on the _id of the runs of a schedule.
func runRange(uid bson.ObjectID) bson.D {
	return bson.D{{Key: "$gt", Value: uid.Hex() + ":"}, {Key: "$lt", Value: uid.Hex() + ";"}}
}

// lastNumber returns the highest number among the runs of a schedule.
func (s *Store) lastNumber(ctx context.Context, uid bson.ObjectID) (int64, error) {
	var doc struct {
		ID string `bson:"_id"`
	}
	err := s.tasks.FindOne(ctx, bson.D{{Key: "_id", Value: runRange(uid)}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetProjection(bson.D{{Key: "_id", Value: 1}})).Decode(&doc)
	if err == mongo.ErrNoDocuments {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimPrefix(doc.ID, uid.Hex()+":"), 10, 64)
}
