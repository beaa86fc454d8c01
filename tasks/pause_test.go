package tasks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestPauseScheduleThatIsNot(t *testing.T) {
	s := taskstest.Store(t)
	if _, err := s.PauseSchedule(t.Context(), "Mail/", ""); !errors.Is(err, tasks.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.ResumeSchedule(t.Context(), "Mail/"); !errors.Is(err, tasks.ErrNotFound) {
		t.Error(err)
	}
}

// A schedule that was read before it was paused has no next run all the same, whoever
// inserts it: the audit, or the end of a run.
func TestPauseBetweenReadAndInsert(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	ensureRun(t, s, sc, time.Time{})
	h := claim(t, s, waitingRun(t, s).ID)
	if _, err := s.PauseSchedule(t.Context(), sc.Key, "now"); err != nil {
		t.Fatal(err)
	}
	due := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	succeed(t, s, h, sc, due) // sc says nothing of the pause
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	noneWaits(t, s)
	paused, err := s.Schedule(t.Context(), sc.Key)
	if err != nil || !paused.Paused.Due.Equal(due) {
		t.Errorf("%+v, %v", paused.Paused, err)
	}
	if id, created := ensureRun(t, s, sc, due); created || !id.IsZero() {
		t.Errorf("the audit made %s", id)
	}
	noneWaits(t, s)
}

// Pausing, resuming, audits and runs that end, all at once: what was done last holds.
func TestPauseRaces(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	ensureRun(t, s, sc, time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { // a processor
		for ctx.Err() == nil {
			list, err := s.Find(t.Context(), tasks.Filter{TaskClass: "Mail", States: []tasks.State{tasks.Request}})
			if err != nil || len(list) > 1 {
				t.Errorf("%d runs wait, %v", len(list), err)
				return
			}
			if len(list) == 1 {
				run(t, s, sc, list[0])
			}
		}
	})
	together(4, func(i int) {
		for range 30 {
			var err error
			switch i {
			case 0:
				_, err = s.PauseSchedule(t.Context(), sc.Key, "")
			case 1:
				_, err = s.ResumeSchedule(t.Context(), sc.Key)
			default:
				var now tasks.Schedule
				if now, err = s.Schedule(t.Context(), sc.Key); err == nil {
					_, _, err = s.EnsureRun(t.Context(), now, time.Time{})
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	cancel()
	runs.Wait()
	for range 3 {
		if _, err := s.PauseSchedule(t.Context(), sc.Key, ""); err != nil {
			t.Fatal(err)
		}
		noneWaits(t, s)
		now, err := s.ResumeSchedule(t.Context(), sc.Key)
		if err != nil {
			t.Fatal(err)
		}
		now.Paused = nil
		ensureRun(t, s, now, time.Time{})
		waitingRun(t, s)
	}
}

// run runs a waiting run to its end, unless it is gone.
func run(t *testing.T, s *tasks.Store, sc tasks.Schedule, waiting tasks.Task) {
	c, err := s.Candidate(t.Context(), waiting.ID)
	if err != nil {
		return
	}
	cl := tasks.NewClaim("p-1", "epoch")
	if v, err := s.Claim(t.Context(), c, cl, sc.Key, ""); err != nil || v != tasks.Won {
		return
	}
	h := tasks.Held{Candidate: c, Claim: cl, Key: sc.Key}
	now, err := s.Schedule(t.Context(), sc.Key)
	if err == nil {
		err = s.Succeed(t.Context(), h, now, time.Time{})
	}
	if err == nil {
		err = s.Finish(t.Context(), h, tasks.Outcome{State: tasks.Success})
	}
	if err != nil {
		t.Error(err)
	}
}

func noneWaits(t *testing.T, s *tasks.Store) {
	t.Helper()
	list, err := s.Find(t.Context(), tasks.Filter{TaskClass: "Mail", States: []tasks.State{tasks.Request}})
	if err != nil || len(list) != 0 {
		t.Errorf("%d runs wait, %v", len(list), err)
	}
}
