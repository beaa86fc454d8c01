package lgtask_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestBatchThreeTimesRunsOnce(t *testing.T) {
	b := setup(t)
	id := b.made(true)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 1}))
	for range 2 {
		if again := b.made(false)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 1.0})); again != id {
			t.Errorf("the call returned %s, want the waiting run %s", again, id)
		}
	}
	b.drain(b.start(1))
	if r := b.next(); r.ID() != id {
		t.Errorf("%s ran, want %s", r.ID(), id)
	}
	b.noneRan()
}

func TestBatchWhileRunningRunsExactlyOnceMore(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	first := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	held := b.next()

	later := b.now().Add(time.Hour)
	second := b.made(true)(b.conn.BatchTask(t.Context(), lgtask.At(later), "Probe", nil))
	if got := b.task(second); got.TsRequest.Before(later) {
		t.Errorf("the second run is due %v, want %v", got.TsRequest, later)
	}
	soonest := b.now().Add(time.Second)
	for _, when := range []lgtask.When{lgtask.At(soonest), lgtask.In(time.Hour), lgtask.At(soonest.Add(time.Second))} {
		if again := b.made(false)(b.conn.BatchTask(t.Context(), when, "Probe", nil)); again != second {
			t.Errorf("the call returned %s, want the waiting run %s", again, second)
		}
	}
	held.end <- nil
	b.ended(first, lgtask.StateSuccess)
	r := b.next()
	if r.ID() != second {
		t.Errorf("%s ran, want %s", r.ID(), second)
	}
	r.end <- nil
	got := b.ended(second, lgtask.StateSuccess)
	if got.TsStart.Before(soonest.Truncate(time.Millisecond)) || got.TsRequest.Sub(soonest) > time.Millisecond {
		t.Errorf("started %v, due %v, asked for %v", got.TsStart, got.TsRequest, soonest)
	}
	if n := len(b.of("Probe")); n != 2 {
		t.Errorf("%d tasks, want 2", n)
	}
}

func TestBatchWaitsForTheGoingRunOfItsName(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	held := b.next()
	second := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", nil))
	// Another task passes it on the free processor.
	other := b.ok(b.conn.CreateTask(t.Context(), "Other", nil))
	r := b.next()
	if r.ID() != other {
		t.Fatalf("%s ran beside the first run of its name", r.ID())
	}
	r.end <- nil
	b.ended(other, lgtask.StateSuccess)
	if got := b.task(second); got.State != lgtask.StateRequest {
		t.Errorf("the second run is %s while the first is going", got.State)
	}
	held.end <- nil
	r = b.next()
	r.end <- nil
	b.ended(second, lgtask.StateSuccess)
}

func TestBatchAgainAfterAFailedRun(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	first := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 1}))
	b.next().end <- errors.New("no luck")
	b.ended(first, lgtask.StateError)
	second := b.made(true)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 2}))
	b.next().end <- nil
	b.ended(second, lgtask.StateSuccess)
}

func TestOtherKwargsAreErrTaskKwargs(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	refuseAll := func(state string) {
		t.Helper()
		_, err := b.conn.BatchTask(ctx, lgtask.Now(), "Probe", bson.M{"n": 2})
		b.refused(err, lgtask.ErrTaskKwargs, "Probe/", state, `"1"`, `"2"`)
		_, err = b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 2})
		b.refused(err, lgtask.ErrTaskKwargs, "Probe/", state)
		_, err = b.conn.CronTask(ctx, "@daily", "Probe", bson.M{"n": 2})
		b.refused(err, lgtask.ErrTaskKwargs, "Probe/", state)
	}
	b.ok(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", bson.M{"n": 1}))
	refuseAll("request")
	b.hold()
	b.start(1)
	held := b.next()
	refuseAll("working")
	if scs, err := b.conn.Schedules(ctx); err != nil || len(scs) != 0 {
		t.Errorf("refused schedules were left: %v, %v", scs, err)
	}
	// Another name is another matter.
	b.made(true)(b.conn.BatchTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 2}, lgtask.WithTaskName("two")))
	held.end <- nil
	b.ended(held.ID(), lgtask.StateSuccess)
	b.made(true)(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", bson.M{"n": 2}))
	b.next().end <- nil
}

func TestBatchMovesAWaitingRunUp(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	base := b.now().Add(time.Hour).Truncate(time.Millisecond)
	id := b.ok(b.conn.BatchTask(ctx, lgtask.At(base), "Probe", nil, lgtask.WithPriority(1)))
	for _, step := range []struct {
		what     string
		when     time.Duration // after base
		priority int
		due      time.Duration
		want     int
	}{
		{"later and lower: nothing", time.Minute, 0, 0, 1},
		{"earlier: moved up", -time.Minute, 0, -time.Minute, 1},
		{"higher: raised", 0, 5, -time.Minute, 5},
		{"the same", -time.Minute, 5, -time.Minute, 5},
		{"lower: nothing", -time.Minute, -5, -time.Minute, 5},
	} {
		if got := b.made(false)(b.conn.BatchTask(ctx, lgtask.At(base.Add(step.when)), "Probe", nil, lgtask.WithPriority(step.priority))); got != id {
			t.Fatalf("%s: another task, %s", step.what, got)
		}
		if got := b.task(id); !got.TsRequest.Equal(base.Add(step.due)) || got.Priority != step.want {
			t.Errorf("%s: due base%+v, priority %d; want base%+v, %d", step.what, got.TsRequest.Sub(base), got.Priority, step.due, step.want)
		}
	}
	b.start(1)
	b.made(false)(b.conn.BatchTask(ctx, lgtask.Now(), "Probe", nil)) // the processor hears of it
	if r := b.next(); r.ID() != id {
		t.Errorf("%s ran, want %s", r.ID(), id)
	}
}

func TestHundredGoroutinesBatchOneName(t *testing.T) {
	b := setup(t)
	var wg sync.WaitGroup
	results := make(chan lgtask.Result, 100)
	for range 100 {
		wg.Go(func() {
			r, err := b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 1})
			if err != nil {
				t.Error(err)
			}
			results <- r
		})
	}
	wg.Wait()
	close(results)
	id, created := b.waiting("Probe").ID, 0
	for r := range results {
		if r.Created {
			created++
		}
		if r.ID != id {
			t.Errorf("a caller was told of %s, but %s waits", r.ID, id)
		}
	}
	if created != 1 {
		t.Errorf("%d callers were told that they created the task", created)
	}
}
