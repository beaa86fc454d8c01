package lgtask_test

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// schedule returns the only schedule.
func (b *bundle) schedule() lgtask.Schedule {
	b.Helper()
	scs, err := b.conn.Schedules(b.Context())
	if err != nil || len(scs) != 1 {
		b.Fatalf("%d schedules, %v", len(scs), err)
	}
	return scs[0]
}

func TestPauseAbortsTheWaitingRun(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	run := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, lgtask.StartAt(lgtask.In(time.Hour))))
	due := b.task(run).TsRequest
	for i, want := range []bool{true, false} {
		res, err := b.conn.PauseSchedule(ctx, "Probe", lgtask.WithReason("maintenance "+strings.Repeat("x", i)))
		if err != nil || res.Created != want {
			t.Errorf("pause %d: %+v, %v", i, res, err)
		}
	}
	if got := b.task(run); got.State != lgtask.StateAborted || got.LastLog != "paused" {
		t.Errorf("the waiting run is %s, %q", got.State, got.LastLog)
	}
	sc := b.schedule()
	if sc.Paused == nil || sc.Paused.Reason != "maintenance " || !sc.Paused.Due.Equal(due) || b.now().Sub(sc.Paused.Since) > soon {
		t.Errorf("the schedule is paused as %+v", sc.Paused)
	}
	// Neither the same call nor a replacement resumes it.
	for _, opts := range [][]lgtask.TaskOption{nil, {lgtask.Replace(), lgtask.WithPriority(3)}} {
		if res, err := b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, opts...); err != nil || !res.ID.IsZero() {
			t.Errorf("scheduled again: %+v, %v", res, err)
		}
		if sc := b.schedule(); sc.Paused == nil || len(b.of("Probe", lgtask.StateRequest)) > 0 {
			t.Errorf("scheduled again: %+v", sc)
		}
	}
}

func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		due  time.Duration // when the paused run would have been due
		cron bool
		want func(due, before, next time.Time) bool
	}{
		"as planned": {time.Hour, false, func(due, _, next time.Time) bool { return next.Equal(due) }},
		"due now, since it would have been meanwhile": {-time.Hour, false, func(_, before, next time.Time) bool {
			return !next.Before(before) && next.Before(before.Add(soon))
		}},
		"cron as planned": {0, true, func(due, _, next time.Time) bool { return next.Equal(due) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			ctx := t.Context()
			var run lgtask.TaskID
			if c.cron {
				run = b.ok(b.conn.CronTask(ctx, "0 3 1 1 *", "Probe", nil))
			} else {
				run = b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, lgtask.StartAt(lgtask.In(time.Hour))))
				b.set(run, "tsRequest", b.now().Add(c.due))
			}
			due := b.task(run).TsRequest
			b.made(false)(b.conn.ResumeSchedule(ctx, "Probe")) // it was not paused
			if _, err := b.conn.PauseSchedule(ctx, "Probe"); err != nil {
				t.Fatal(err)
			}
			before := b.now()
			next := b.made(true)(b.conn.ResumeSchedule(ctx, "Probe"))
			if got := b.waiting("Probe"); got.ID != next || next == run || !c.want(due, before, got.TsRequest) {
				t.Errorf("the next run is %s, due %v; the one before was due %v", got.ID, got.TsRequest, due)
			}
			if sc := b.schedule(); sc.Paused != nil {
				t.Errorf("it is still paused: %+v", sc.Paused)
			}
		})
	}
}

func TestPauseWhileARunIsGoing(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.hold()
	b.start(1)
	id := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil))
	held := b.next()
	if _, err := b.conn.PauseSchedule(ctx, "Probe"); err != nil {
		t.Fatal(err)
	}
	held.end <- nil
	end := b.ended(id, lgtask.StateSuccess).TsStop
	sc := b.schedule()
	if n := len(b.of("Probe", lgtask.StateRequest)); n != 0 || sc.Paused.Due.Sub(end).Round(time.Minute) != time.Hour {
		t.Errorf("%d runs wait; the next would have been due %v after the end", n, sc.Paused.Due.Sub(end))
	}
	b.made(true)(b.conn.ResumeSchedule(ctx, "Probe"))
	if got := b.waiting("Probe"); !got.TsRequest.Equal(sc.Paused.Due) {
		t.Errorf("the next run is due %v, want %v", got.TsRequest, sc.Paused.Due)
	}
}

// What a batch asked for is not the schedule's to drop.
func TestPauseKeepsABatch(t *testing.T) {
	for name, before := range map[string]bool{"asked before": true, "asked meanwhile": false} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			ctx := t.Context()
			b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, lgtask.StartAt(lgtask.In(time.Hour))))
			batch := func() lgtask.TaskID { return b.ok(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", nil)) }
			var id lgtask.TaskID
			if before {
				id = batch()
			}
			if _, err := b.conn.PauseSchedule(ctx, "Probe"); err != nil {
				t.Fatal(err)
			}
			if !before {
				id = batch()
			}
			b.start(1)
			b.next()
			b.ended(id, lgtask.StateSuccess)
			if n := len(b.of("Probe", lgtask.StateRequest)); n != 0 {
				t.Errorf("%d runs follow", n)
			}
			b.made(true)(b.conn.ResumeSchedule(ctx, "Probe"))
			b.waiting("Probe")
		})
	}
}

// A run of a paused schedule that is there all the same, by a race with a program that
// died, is taken away by the audit; a schedule that is not paused has its run set again.
func TestAuditOfPausedSchedules(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	paused := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, lgtask.StartAt(lgtask.In(time.Hour))))
	vanished := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Other", nil, lgtask.StartAt(lgtask.In(time.Hour))))
	if _, err := b.db.Collection("schedules").UpdateByID(ctx, "Probe/", bson.D{{Key: "$set", Value: bson.D{{Key: "paused", Value: bson.D{{Key: "since", Value: b.now()}}}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Collection("tasks").DeleteOne(ctx, bson.D{{Key: "_id", Value: vanished}}); err != nil {
		t.Fatal(err)
	}
	b.start(1)
	b.ended(paused, lgtask.StateAborted)
	if r := b.next(); r.TaskClass() != "Other" {
		t.Errorf("a run of %s", r.TaskClass())
	}
	if n := len(b.of("Probe", lgtask.StateRequest)); n != 0 {
		t.Errorf("%d runs of the paused schedule wait", n)
	}
}

func TestPauseRefuses(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	_, err := b.conn.PauseSchedule(ctx, "Probe", lgtask.WithTaskName("x"))
	b.refused(err, lgtask.ErrNotScheduled, "Probe/x")
	_, err = b.conn.ResumeSchedule(ctx, "Probe")
	b.refused(err, lgtask.ErrNotScheduled, "Probe/")
	_, err = b.conn.PauseSchedule(ctx, "Probe", lgtask.WithReason(strings.Repeat("x", 1025)))
	b.refused(err, lgtask.ErrInvalidTask, "1025", "1024")
	_, err = b.conn.ResumeSchedule(ctx, "Probe", lgtask.WithReason("x"))
	b.refused(err, lgtask.ErrInvalidTask, "WithReason")
}
