package lgtask_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestSameScheduleTwiceDoesNothing(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	first := b.made(true)(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", bson.D{{Key: "n", Value: 1}, {Key: "s", Value: "x"}}))
	same := bson.D{{Key: "s", Value: "x"}, {Key: "n", Value: int64(1)}}
	if id := b.made(false)(b.conn.IntervalTask(ctx, lgtask.Text("60 minutes"), "Probe", same)); id != first {
		t.Errorf("the call returned %s, want %s", id, first)
	}
	second := b.made(true)(b.conn.CronTask(ctx, "@daily", "Other", nil))
	if id := b.made(false)(b.conn.CronTask(ctx, "@daily", "Other", nil)); id != second {
		t.Errorf("the call returned %s, want %s", id, second)
	}
	b.hold()
	b.start(1)
	b.next()
	if id := b.made(false)(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", same)); id != first {
		t.Errorf("while it runs the call returned %s, want %s", id, first)
	}
	if n := len(b.of("Probe")); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestOtherDefinitionIsErrTaskExists(t *testing.T) {
	b := setup(t)
	type call func(context.Context, ...lgtask.TaskOption) (lgtask.Result, error)
	every := func(w lgtask.When, kw any, opts ...lgtask.TaskOption) call {
		return func(ctx context.Context, more ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.IntervalTask(ctx, w, "Probe", kw, append(opts, more...)...)
		}
	}
	cron := func(spec string) call {
		return func(ctx context.Context, more ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.CronTask(ctx, spec, "Probe", bson.M{"n": 1}, more...)
		}
	}
	kw := bson.M{"n": 1}
	hour := every(lgtask.In(time.Hour), kw)
	for i, c := range []struct {
		field      string
		have, want call
	}{
		{"kwargs", hour, every(lgtask.In(time.Hour), bson.M{"n": 2})},
		{"every", hour, every(lgtask.In(2*time.Hour), kw)},
		{"fromStart", hour, every(lgtask.In(time.Hour), kw, lgtask.FromStart())},
		{"priority", hour, every(lgtask.In(time.Hour), kw, lgtask.WithPriority(1))},
		{"every", hour, cron("@daily")},
		{"cron", cron("@daily"), cron("@hourly")},
		{"tz", cron("CRON_TZ=Europe/Berlin 0 3 * * *"), cron("CRON_TZ=Europe/Paris 0 3 * * *")},
	} {
		name := lgtask.WithTaskName(string(rune('a' + i)))
		first := b.ok(c.have(t.Context(), name))
		before := b.task(first)
		_, err := c.want(t.Context(), name)
		b.refused(err, lgtask.ErrTaskExists, c.field+" is ")
		if got := b.task(first); got.State != lgtask.StateRequest || !got.TsRequest.Equal(before.TsRequest) || got.Priority != before.Priority {
			t.Errorf("%s: the refused call changed the waiting run: %+v", c.field, got)
		}

		second := b.made(true)(c.want(t.Context(), name, lgtask.Replace()))
		if got := b.task(first); got.State != lgtask.StateAborted || got.LastLog != "replaced" {
			t.Errorf("%s: the old run is %s, %q", c.field, got.State, got.LastLog)
		}
		if got := b.task(second); got.State != lgtask.StateRequest {
			t.Errorf("%s: the new run is %s", c.field, got.State)
		}
		if again := b.made(false)(c.want(t.Context(), name, lgtask.Replace())); again != second {
			t.Errorf("%s: replacing twice made %s of %s", c.field, again, second)
		}
		_, err = c.have(t.Context(), name)
		b.refused(err, lgtask.ErrTaskExists, c.field+" is ")
	}
}

func TestReplaceWhileTheOldRunIsGoing(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	old := b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", bson.M{"n": 1}))
	held := b.next()
	if id := b.made(true)(b.conn.IntervalTask(t.Context(), lgtask.In(2*time.Hour), "Probe", bson.M{"n": 2}, lgtask.Replace())); id != old {
		t.Errorf("the call returned %s, want the going run %s", id, old)
	}
	held.end <- nil
	end := b.ended(old, lgtask.StateSuccess).TsStop
	next := b.waiting("Probe")
	if next.Kwargs.Lookup("n").AsInt64() != 2 || next.TsRequest.Sub(end) < time.Hour {
		t.Errorf("the next run has kwargs %s and is due %v after the end", next.Kwargs, next.TsRequest.Sub(end))
	}
}

func TestReplaceKeepsAWaitingBatch(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	batch := b.ok(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", nil))
	id := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil, lgtask.Replace(), lgtask.StartAt(lgtask.In(time.Hour))))
	if got := b.task(batch); id != batch || got.State != lgtask.StateRequest {
		t.Errorf("the batch is %s, the schedule's run %s", got.State, id)
	}
	// One with other kwargs is what Replace is for.
	batch = b.ok(b.conn.BatchTask(ctx, lgtask.Now(), "Other", bson.M{"n": 1}))
	id = b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Other", bson.M{"n": 2}, lgtask.Replace()))
	if got := b.task(batch); got.State != lgtask.StateAborted || b.waiting("Other").ID != id {
		t.Errorf("the batch with other kwargs is %s", got.State)
	}
}

func TestABatchOnAScheduledNameActsOnItsNextRun(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	next := b.ok(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 1}, lgtask.StartAt(lgtask.In(time.Hour))))
	if id := b.made(false)(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", bson.M{"n": 1}, lgtask.WithPriority(3))); id != next {
		t.Errorf("the batch is %s, want the schedule's run %s", id, next)
	}
	_, err := b.conn.BatchTask(ctx, lgtask.Now(), "Probe", bson.M{"n": 2})
	b.refused(err, lgtask.ErrTaskKwargs)
	b.start(1)
	if r := b.next(); r.ID() != next {
		t.Errorf("%s ran, want %s", r.ID(), next)
	}
	b.ended(next, lgtask.StateSuccess)
	if got := b.waiting("Probe"); got.Priority != 0 { // one batch raises one run
		t.Errorf("the run after it has priority %d", got.Priority)
	}
}

func TestABatchBehindAScheduledRunIsItsSuccessor(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil))
	held := b.next()
	extra := b.made(true)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	held.end <- nil
	r := b.next()
	if r.ID() != extra {
		t.Errorf("%s ran, want the batch %s", r.ID(), extra)
	}
	r.end <- nil
	b.ended(extra, lgtask.StateSuccess)
	if due := b.waiting("Probe").TsRequest.Sub(b.now()); due < 59*time.Minute {
		t.Errorf("the schedule's next run is due in %v, want an hour", due)
	}
}

func TestAScheduleAdoptsAWaitingBatch(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	batch := b.ok(b.conn.BatchTask(ctx, lgtask.In(time.Hour), "Probe", nil))
	if id := b.made(true)(b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", nil)); id != batch {
		t.Errorf("the schedule's run is %s, want the batch %s", id, batch)
	}
	b.start(1)
	b.next()
	b.ended(batch, lgtask.StateSuccess)
	if next := b.waiting("Probe"); next.Schedule.UID.IsZero() || next.ID == batch {
		t.Errorf("the run after the batch is %+v", next)
	}
}

func TestUnscheduleTask(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	unschedule := func(name string) lgtask.TaskID {
		t.Helper()
		return b.ok(b.conn.UnscheduleTask(ctx, "Probe", lgtask.WithTaskName(name)))
	}
	aborted := func(id lgtask.TaskID) {
		t.Helper()
		if got := b.task(id); got.State != lgtask.StateAborted || got.LastLog != "unscheduled" {
			t.Errorf("the run is %s, %q", got.State, got.LastLog)
		}
	}
	hour := lgtask.In(time.Hour)

	if id := unschedule("nothing"); !id.IsZero() {
		t.Errorf("nothing was there, but %s was aborted", id)
	}

	batch := b.ok(b.conn.BatchTask(ctx, hour, "Probe", nil, lgtask.WithTaskName("batch")))
	if id := unschedule("batch"); id != batch {
		t.Errorf("aborted %s, want %s", id, batch)
	}
	aborted(batch)

	waiting := b.ok(b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.WithTaskName("waiting"), lgtask.StartAt(hour)))
	unschedule("waiting")
	aborted(waiting)
	if id := unschedule("waiting"); !id.IsZero() {
		t.Errorf("the second time %s was aborted", id)
	}

	plain := b.ok(b.conn.CreateTask(ctx, "Unknown", nil, lgtask.WithTaskName("a")))
	delayed := b.ok(b.conn.DelayedTask(ctx, hour, "Unknown", nil, lgtask.WithTaskName("a")))
	if r, err := b.conn.UnscheduleTask(ctx, "Unknown", lgtask.WithTaskName("a")); err != nil || !r.ID.IsZero() {
		t.Errorf("unscheduling a plain task: %+v, %v", r, err)
	}
	for _, id := range []lgtask.TaskID{plain, delayed} {
		if got := b.task(id); got.State != lgtask.StateRequest {
			t.Errorf("the task is %s", got.State)
		}
	}

	b.hold()
	b.start(1)
	going := b.ok(b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.WithTaskName("going")))
	held := b.next()
	extra := b.ok(b.conn.BatchTask(ctx, hour, "Probe", nil, lgtask.WithTaskName("going")))
	unschedule("going")
	aborted(extra)
	held.end <- nil
	b.ended(going, lgtask.StateSuccess)
	if left := b.of("Probe", lgtask.StateRequest); len(left) != 0 {
		t.Errorf("a run follows: %+v", left)
	}
	if scs, err := b.conn.Schedules(ctx); err != nil || len(scs) != 0 {
		t.Errorf("schedules: %v, %v", scs, err)
	}
}

func TestCronTaskWaitsForItsInstant(t *testing.T) {
	b := setup(t)
	id := b.made(true)(b.conn.CronTask(t.Context(), "CRON_TZ=Europe/Berlin 30 4 1 1 *", "Probe", nil))
	due := b.task(id).TsRequest.UTC()
	if !due.After(b.now()) || due.Month() != time.January || due.Day() != 1 || due.Hour() != 3 || due.Minute() != 30 {
		t.Errorf("due %v", due)
	}
	// A batch brings one run forward; the one after it is the spec's again.
	b.made(false)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	b.start(1)
	b.next()
	b.ended(id, lgtask.StateSuccess)
	if next := b.waiting("Probe").TsRequest; !next.Equal(due) {
		t.Errorf("the next run is due %v, want %v", next, due)
	}
}
