package lgtask_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestIntervalCountsFromEndToStart(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	first := b.made(true)(b.conn.IntervalTask(t.Context(), lgtask.Text("1 second"), "Probe", bson.M{"n": 1}))
	held := b.next()
	if held.ID() != first || held.n != 1 {
		t.Errorf("%s ran with n = %d, want %s", held.ID(), held.n, first)
	}
	pastOneInterval(b, first)
	held.end <- nil
	end := b.ended(first, lgtask.StateSuccess).TsStop
	due := b.waiting("Probe").TsRequest
	// The end that counts is a moment before the one that is written.
	if start := b.task(first).TsStart; due.Sub(end) > time.Second || due.Sub(start) < 2*time.Second {
		t.Errorf("the run went from %v to %v, the next one is due %v", start, end, due)
	}
	r := b.next()
	if r.n != 1 {
		t.Errorf("the second run has n = %d", r.n)
	}
	r.end <- nil
	if got := b.ended(r.ID(), lgtask.StateSuccess); got.TsStart.Before(due) {
		t.Errorf("the second run started %v, due %v", got.TsStart, due)
	}
}

// pastOneInterval waits until a run has taken longer than the shortest interval.
func pastOneInterval(b *bundle, id lgtask.TaskID) {
	start := b.comes(id, lgtask.StateWorking).TsStart
	taskstest.Eventually(b, "an interval to pass", func() bool { return b.now().Sub(start) > 1100*time.Millisecond })
}

func TestIntervalFromStart(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	first := b.made(true)(b.conn.IntervalTask(t.Context(), lgtask.In(time.Second), "Probe", nil, lgtask.FromStart()))
	b.next().end <- nil
	run := b.ended(first, lgtask.StateSuccess)
	second := b.waiting("Probe")
	if pace := second.TsRequest.Sub(run.TsRequest); pace != time.Second && run.TsStop.Sub(run.TsRequest) < time.Second {
		t.Errorf("the second run is due %v after the first was, want 1 s", pace)
	}
	held := b.next()
	pastOneInterval(b, second.ID) // an instant passes: one run at once, never beside it
	if n := len(b.of("Probe", lgtask.StateRequest, lgtask.StateWorking)); n != 1 {
		t.Errorf("%d runs wait or are going, want 1", n)
	}
	held.end <- nil
	end := b.ended(second.ID, lgtask.StateSuccess).TsStop
	if third := b.next(); third.Due().After(end) {
		t.Errorf("the third run is due %v, want the second's end, %v", third.Due(), end)
	}
}

func TestStartAt(t *testing.T) {
	b := setup(t)
	b.ok(b.conn.UnscheduleTask(t.Context(), "Probe")) // the collections are there
	at := b.now().Add(time.Second).Truncate(time.Millisecond)
	id := b.made(true)(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil, lgtask.StartAt(lgtask.At(at))))
	if got := b.task(id); !got.TsRequest.Equal(at) {
		t.Errorf("the first run is due %v, want %v", got.TsRequest, at)
	}
	// When it runs first is no part of the definition.
	b.made(false)(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil))
	b.start(1)
	b.next()
	if got := b.ended(id, lgtask.StateSuccess); got.TsStart.Before(at) {
		t.Errorf("started %v, asked for %v", got.TsStart, at)
	}
}

func TestUnusableIntervals(t *testing.T) {
	b := setup(t)
	for _, c := range []struct {
		every lgtask.When
		words []string
	}{
		{lgtask.At(time.Now().Add(time.Hour)), []string{"StartAt"}},
		{lgtask.Text("2031-01-01T00:00:00Z"), []string{"StartAt"}},
		{lgtask.Now(), []string{"StartAt"}},
		{lgtask.In(999 * time.Millisecond), []string{"1 second"}},
		{lgtask.In(-time.Hour), []string{"1 second"}},
		{lgtask.Text("0.5 seconds"), []string{"1 second"}},
		{lgtask.Text("now"), nil},
		{lgtask.Text("often"), nil},
	} {
		_, err := b.conn.IntervalTask(t.Context(), c.every, "Probe", nil)
		b.refused(err, lgtask.ErrInvalidTime, c.words...)
	}
	for _, spec := range []string{"", "* * * *", "@every 1s", "@reboot", "0 0 30 2 *"} {
		_, err := b.conn.CronTask(t.Context(), spec, "Probe", nil)
		b.refused(err, lgtask.ErrInvalidTime)
	}
	if scs, err := b.conn.Schedules(t.Context()); err != nil || len(scs) != 0 {
		t.Errorf("schedules: %v, %v", scs, err)
	}
}

func TestAFailingIntervalTaskGoesOn(t *testing.T) {
	b := setup(t)
	ends := map[string]struct {
		act  func(*run) error
		want lgtask.State
	}{
		"error":   {func(*run) error { return errors.New("no luck") }, lgtask.StateError},
		"panic":   {func(*run) error { panic("no luck") }, lgtask.StateError},
		"discard": {func(*run) error { return lgtask.Discard(nil) }, lgtask.StateAborted},
	}
	b.does(func(r *run) error { return ends[r.TaskName()].act(r) })
	b.start(1)
	for name, end := range ends {
		id := b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil, lgtask.WithTaskName(name)))
		b.ended(id, end.want)
	}
	if n := len(b.of("Probe", lgtask.StateRequest)); n != len(ends) {
		t.Errorf("%d runs wait, want %d", n, len(ends))
	}
}

func TestSuccessorIsThereBeforeTheFinalState(t *testing.T) {
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := b.db.Collection("tasks").Watch(ctx, bson.A{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(context.Background())
	b.start(1)
	first := b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil))
	second := false
	for {
		if !stream.Next(ctx) {
			t.Fatal(stream.Err())
		}
		var ev struct {
			OperationType string
			DocumentKey   struct {
				ID lgtask.TaskID `bson:"_id"`
			}
			UpdateDescription struct {
				UpdatedFields struct{ State lgtask.State }
			}
		}
		if err := stream.Decode(&ev); err != nil {
			t.Fatal(err)
		}
		if ev.OperationType == "insert" && ev.DocumentKey.ID != first {
			second = true
		}
		if ev.DocumentKey.ID == first && ev.UpdateDescription.UpdatedFields.State.Final() {
			break
		}
	}
	if !second {
		t.Error("the run ended before its successor was there")
	}
}

func TestVanishedSuccessorComesBack(t *testing.T) {
	b := setup(t)
	b.start(1, lgtask.WithSafetySweep(20*time.Millisecond))
	b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(time.Hour), "Probe", nil))
	first := b.next()
	b.ended(first.ID(), lgtask.StateSuccess)
	next := b.waiting("Probe")
	if _, err := b.db.Collection("tasks").DeleteOne(t.Context(), bson.D{{Key: "_id", Value: next.ID}}); err != nil {
		t.Fatal(err)
	}
	if r := b.next(); r.TaskClass() != "Probe" {
		t.Errorf("%s ran", r.TaskClass())
	}
	taskstest.Eventually(b, "a successor", func() bool { return len(b.of("Probe", lgtask.StateRequest)) == 1 })

	// Likewise of a cron task, at its next instant.
	b.ok(b.conn.CronTask(t.Context(), "0 0 1 1 *", "Other", nil))
	want := b.waiting("Other")
	if _, err := b.db.Collection("tasks").DeleteOne(t.Context(), bson.D{{Key: "_id", Value: want.ID}}); err != nil {
		t.Fatal(err)
	}
	taskstest.Eventually(b, "the cron run", func() bool { return len(b.of("Other", lgtask.StateRequest)) == 1 })
	if got := b.waiting("Other"); !got.TsRequest.Equal(want.TsRequest) {
		t.Errorf("due %v, want %v", got.TsRequest, want.TsRequest)
	}
}
