package lgtask_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestDelayedTasksAreOnTimeAndNeverEarly(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.start(4)
	for _, c := range []struct {
		when  lgtask.When
		delay time.Duration
	}{
		{lgtask.In(time.Second), time.Second},
		{lgtask.Text("1 second"), time.Second},
		{lgtask.In(100 * time.Millisecond), 100 * time.Millisecond},
		{lgtask.Text("0.1 seconds"), 100 * time.Millisecond},
		{lgtask.At(b.now().Add(300 * time.Millisecond)), 0}, // so far ahead when it was written
		{lgtask.Text("5 seconds ago"), 0},
		{lgtask.At(time.Time{}), 0},
		{lgtask.In(-time.Hour), 0},
		{lgtask.When{}, 0},
	} {
		before := b.now()
		id := b.made(true)(b.conn.DelayedTask(ctx, c.when, "Probe", nil))
		got := b.ended(id, lgtask.StateSuccess)
		if got.TsStart.Before(got.TsRequest) {
			t.Errorf("%v: started %v, due %v", c.when, got.TsStart, got.TsRequest)
		}
		if got.TsRequest.Before(before.Add(c.delay - 5*time.Millisecond)) { // the clock is estimated from below
			t.Errorf("%v: due %v, called at %v", c.when, got.TsRequest, before)
		}
		if late := got.TsStart.Sub(got.TsRequest); late > 2*time.Second {
			t.Errorf("%v: %v late", c.when, late)
		}
	}
}

func TestPlainAndDelayedTasksInsertAnother(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.hold()
	b.start(2)
	b.made(true)(b.conn.CreateTask(ctx, "Probe", bson.M{"n": 1}, lgtask.WithTaskName("a")))
	b.next()
	b.made(true)(b.conn.CreateTask(ctx, "Probe", bson.M{"n": 2}, lgtask.WithTaskName("a")))
	b.next() // the name of a plain task is a label
	b.made(true)(b.conn.DelayedTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 3}, lgtask.WithTaskName("a")))
	b.made(true)(b.conn.DelayedTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 3}, lgtask.WithTaskName("a")))
	if n := len(b.of("Probe")); n != 4 {
		t.Errorf("%d tasks, want 4", n)
	}
}

func TestUnusableTimes(t *testing.T) {
	b := setup(t)
	for _, when := range []lgtask.When{
		lgtask.Text("tomorrow"), lgtask.Text("5 parsecs"), lgtask.Text(""),
	} {
		_, err := b.conn.DelayedTask(t.Context(), when, "Probe", nil)
		b.refused(err, lgtask.ErrInvalidTime)
	}
	_, err := b.conn.DelayedTask(t.Context(), lgtask.At(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)), "Probe", nil)
	b.refused(err, lgtask.ErrInvalidTask, "tsRequest")
}
