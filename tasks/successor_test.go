package tasks_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func ensureRun(t testing.TB, s *tasks.Store, sc tasks.Schedule, due time.Time) (tasks.ID, bool) {
	t.Helper()
	id, created, err := s.EnsureRun(t.Context(), sc, due)
	if err != nil {
		t.Fatal(err)
	}
	return id, created
}

func succeed(t testing.TB, s *tasks.Store, h tasks.Held, sc tasks.Schedule, due time.Time) {
	t.Helper()
	if err := s.Succeed(t.Context(), h, sc, due); err != nil {
		t.Fatal(err)
	}
}

// run returns the only waiting run of the name.
func waitingRun(t testing.TB, s *tasks.Store) tasks.Task {
	t.Helper()
	list, err := s.Find(t.Context(), tasks.Filter{TaskClass: "Mail", States: []tasks.State{tasks.Request}})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d runs wait, %v", len(list), err)
	}
	return list[0]
}

func TestEnsureRunAtOnce(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	due := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	var created atomic.Int64
	together(20, func(int) {
		_, made, err := s.EnsureRun(t.Context(), sc, due)
		if err != nil {
			t.Error(err)
		}
		if made {
			created.Add(1)
		}
	})
	run := waitingRun(t, s)
	if created.Load() != 1 || run.ID.String() != sc.UID.Hex()+":000000000001" || run.PendingKey != sc.Key || run.Schedule.UID != sc.UID || run.Schedule.Number != 1 || !run.TsRequest.Equal(due) {
		t.Errorf("%d created: %+v", created.Load(), run)
	}
}

func TestSucceedChain(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	ensureRun(t, s, sc, time.Time{})
	for n := int64(1); n <= 4; n++ {
		h := claim(t, s, waitingRun(t, s).ID)
		if id, created := ensureRun(t, s, sc, time.Time{}); created || id != h.ID {
			t.Errorf("run %d is going, but %s was made", n, id)
		}
		succeed(t, s, h, sc, time.Time{})
		succeed(t, s, h, sc, s.Clock().Add(time.Hour)) // repeated: nothing
		if next := waitingRun(t, s); next.Schedule.Number != n+1 || next.TsRequest.After(serverTime(t, s)) {
			t.Errorf("after run %d: %+v", n, next)
		}
		finish(t, s, h, tasks.Outcome{State: []tasks.State{tasks.Success, tasks.Error}[n%2]})
	}
	// Somebody deletes the next run: it comes back.
	last := waitingRun(t, s)
	if _, err := collection(s).DeleteOne(t.Context(), d("_id", last.ID)); err != nil {
		t.Fatal(err)
	}
	if missing, far, err := s.Audit(t.Context(), []tasks.Schedule{sc}, s.Clock()); err != nil || len(far) > 0 || len(missing) != 1 {
		t.Errorf("without run: %v, %v", missing, err)
	}
	if id, created := ensureRun(t, s, sc, time.Time{}); !created || id != last.ID {
		t.Errorf("the vanished run: %s, %v, want %s", id, created, last.ID)
	}
	if missing, far, err := s.Audit(t.Context(), []tasks.Schedule{sc}, s.Clock()); err != nil || len(far) > 0 || len(missing) != 0 {
		t.Errorf("without run: %v, %v", missing, err)
	}
}

func TestEnsureRunAdoptsWaitingBatch(t *testing.T) {
	s := taskstest.Store(t)
	base := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	for name, c := range map[string]struct{ batch, run, want time.Duration }{
		"the batch's time is earlier": {0, time.Minute, 0}, "the schedule's time is earlier": {time.Minute, 0, 0},
	} {
		id, _ := insertNamed(t, s, batch(s, func(b *tasks.Task) { b.TsRequest = base.Add(c.batch) }))
		sc, _ := putSchedule(t, s, every(time.Hour), false)
		got, created := ensureRun(t, s, sc, base.Add(c.run))
		run := waitingRun(t, s)
		if created || got != id || run.ID != id || run.Schedule.UID != sc.UID || run.Schedule.Number != 1 || !run.TsRequest.Equal(base.Add(c.want)) {
			t.Errorf("%s: %s, %v, %+v", name, got, created, run)
		}
		other := sc
		other.Kwargs = kwargs(t, d("a", 1))
		var conflict *tasks.KwargsConflictError
		if _, _, err := s.EnsureRun(t.Context(), other, base); !errors.As(err, &conflict) || conflict.ID != id {
			t.Errorf("%s: other kwargs: %v", name, err)
		}
		update(t, s, id, d("tsRequest", serverTime(t, s)))
		h := claim(t, s, id)
		succeed(t, s, h, sc, base)
		finish(t, s, h, tasks.Outcome{State: tasks.Success})
		if next := waitingRun(t, s); next.Schedule.Number != 2 {
			t.Errorf("%s: the successor is %+v", name, next)
		}
		unschedule(t, s)
	}
}

// unschedule removes the schedule and its waiting run, as its callers do.
func unschedule(t testing.TB, s *tasks.Store) {
	t.Helper()
	if _, err := s.RemoveSchedule(t.Context(), "Mail/n"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CancelWaiting(t.Context(), "Mail/n", "unscheduled"); err != nil {
		t.Fatal(err)
	}
}

func TestSucceedAdoptsQueuedBatch(t *testing.T) {
	s := taskstest.Store(t)
	base := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	for name, c := range map[string]struct{ batch, run, want time.Duration }{
		"earlier": {0, time.Minute, 0}, "later": {time.Minute, 0, 0},
	} {
		sc, _ := putSchedule(t, s, every(time.Hour), false)
		h := claim(t, s, first(ensureRun(t, s, sc, time.Time{})))
		id, created := insertNamed(t, s, batch(s, func(b *tasks.Task) { b.TsRequest = base.Add(c.batch) }))
		if !created {
			t.Fatalf("%s: no batch was queued", name)
		}
		succeed(t, s, h, sc, base.Add(c.run))
		succeed(t, s, h, sc, base.Add(c.run))
		finish(t, s, h, tasks.Outcome{State: tasks.Success})
		if run := waitingRun(t, s); run.ID != id || run.Schedule.UID != sc.UID || run.Schedule.Number != 2 || !run.TsRequest.Equal(base.Add(c.want)) {
			t.Errorf("%s: %+v", name, run)
		}
		if got, created := ensureRun(t, s, sc, base); created || got != id {
			t.Errorf("%s: another run %s", name, got)
		}
		unschedule(t, s)
	}
}

// A batch that is going when its name is scheduled carries no number.
func TestSucceedAfterBatch(t *testing.T) {
	s := taskstest.Store(t)
	h := claim(t, s, first(insertNamed(t, s, batch(s, dueNow))))
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	if id, created := ensureRun(t, s, sc, time.Time{}); created || id != h.ID {
		t.Errorf("%s, %v", id, created)
	}
	for range 2 {
		succeed(t, s, h, sc, time.Time{})
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if run := waitingRun(t, s); run.Schedule.UID != sc.UID || run.Schedule.Number != 1 {
		t.Errorf("%+v", run)
	}
}

func TestSucceedOfRemovedOrReplacedSchedule(t *testing.T) {
	s := taskstest.Store(t)
	old, _ := putSchedule(t, s, every(time.Hour), false)
	h := claim(t, s, first(ensureRun(t, s, old, time.Time{})))
	// Replaced between its reading and the successor: the new one goes on.
	now, _ := putSchedule(t, s, every(time.Minute, func(sc *tasks.Schedule) { sc.Kwargs = kwargs(t, d("new", true)) }), true)
	due := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	succeed(t, s, h, old, due)
	run := waitingRun(t, s)
	if run.Schedule.UID != now.UID || run.Schedule.Number != 1 || !tasks.KwargsEqual(run.Kwargs, now.Kwargs) || !run.TsRequest.Equal(due) {
		t.Errorf("after replacing: %+v", run)
	}
	// Removed likewise: no successor stays.
	unschedule(t, s)
	succeed(t, s, h, now, due)
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d wait after the removal", n)
	}
	gone, err := s.Find(t.Context(), tasks.Filter{States: []tasks.State{tasks.Aborted}})
	if err != nil || len(gone) != 3 || gone[0].LastLog != "unscheduled" {
		t.Errorf("aborted: %+v, %v", gone, err)
	}
}

// Somebody removes the schedule and asks for a batch while a run of it ends: the
// batch is no run of the schedule and stays.
func TestSucceedLeavesBatchOfRemovedSchedule(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	h := claim(t, s, first(ensureRun(t, s, sc, time.Time{})))
	unschedule(t, s)
	id, _ := insertNamed(t, s, batch(s))
	succeed(t, s, h, sc, s.Clock().Add(2*time.Hour))
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if run := waitingRun(t, s); run.ID != id || !run.Schedule.IsZero() || run.PendingKey != sc.Key {
		t.Errorf("%+v", run)
	}
}

// Runs are claimed and ended by several while others keep making sure of the
// next one, and batches join in: no number twice, and the chain goes on. Only its
// beginning may be found twice: a batch that ran was made the first run while
// another inserted it.
func TestEnsureRunAgainstClaims(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			done.Add(int64(work(ctx, t, s, func(h tasks.Held) {
				if err := s.Succeed(t.Context(), h, sc, time.Time{}); err != nil {
					t.Error(err)
				}
			})))
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, _, err := s.EnsureRun(t.Context(), sc, time.Time{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, _, err := s.InsertNamed(t.Context(), batch(s, dueNow)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	all, err := s.Find(t.Context(), tasks.Filter{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	numbers, live, batches := map[int64]tasks.ID{}, 0, 0
	for _, run := range all {
		if other, dup := numbers[run.Schedule.Number]; dup && run.Schedule.Number > 1 {
			t.Errorf("%s and %s both have the number %d", other, run.ID, run.Schedule.Number)
		}
		numbers[run.Schedule.Number] = run.ID
		if !run.State.Final() {
			live++
		}
		if !strings.Contains(run.ID.String(), ":") {
			batches++
		}
	}
	if live == 0 || live > 2 || done.Load() < 10 {
		t.Errorf("%d runs waiting or going, %d done", live, done.Load())
	}
	t.Logf("%d runs done, %d of them batches", done.Load(), batches)
}

// A schedule is taken back together with the run that its name's last run left
// for it.
func TestRetract(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	h := claim(t, s, first(ensureRun(t, s, sc, time.Time{})))
	succeed(t, s, h, sc, time.Time{})
	if err := s.Retract(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d wait", n)
	}
	if _, err := s.Schedule(t.Context(), sc.Key); err != tasks.ErrNotFound {
		t.Error(err)
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
}
