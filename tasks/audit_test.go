package tasks_test

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// After the server's clock was set back an hour, an interval of a minute goes on in a
// minute; a first run that was asked for tomorrow stays there.
func TestAuditAfterAClockWasSetBack(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Minute), false)
	audit := func(now time.Time) (far []tasks.FarRun) {
		t.Helper()
		without, far, err := s.Audit(t.Context(), []tasks.Schedule{sc}, now)
		if err != nil || len(without) > 0 {
			t.Fatalf("without a run: %v, %v", without, err)
		}
		return far
	}
	now := s.Clock().Truncate(time.Millisecond)
	ensureRun(t, s, sc, now.Add(24*time.Hour))
	if far := audit(now); len(far) != 0 {
		t.Errorf("the first run is far: %v", far)
	}
	update(t, s, waitingRun(t, s).ID, d("tsRequest", now.Add(-time.Second)))
	h := claim(t, s, waitingRun(t, s).ID)
	succeed(t, s, h, sc, now.Add(time.Minute))
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	if far := audit(now.Add(-stepSlack)); len(far) != 0 {
		t.Errorf("a run that is due in time is far: %v", far)
	}
	back := now.Add(-time.Hour)
	far := audit(back)
	if len(far) != 1 {
		t.Fatalf("not far: %v", far)
	}
	for _, want := range []bool{true, false} {
		if moved, err := s.PullIn(t.Context(), far[0], back); moved != want || err != nil {
			t.Errorf("moved %v, %v", moved, err)
		}
	}
	if got := waitingRun(t, s); !got.TsRequest.Equal(back.Add(time.Minute)) || got.Asked {
		t.Errorf("the next run: %+v", got)
	}
}

const stepSlack = time.Second

// A run that was due far from its insertion stays there, whatever its number: it is the
// first one that was asked for tomorrow, of a schedule that was paused and resumed.
func TestAuditLeavesWhatWasAskedFor(t *testing.T) {
	s := taskstest.Store(t)
	sc, _ := putSchedule(t, s, every(time.Minute), false)
	now := s.Clock().Truncate(time.Millisecond)
	tomorrow := now.Add(24 * time.Hour)
	ensureRun(t, s, sc, tomorrow)
	if _, err := s.PauseSchedule(t.Context(), sc.Key, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ResumeSchedule(t.Context(), sc.Key); err != nil {
		t.Fatal(err)
	}
	ensureRun(t, s, sc, tomorrow)
	if n := waitingRun(t, s).Schedule.Number; n != 2 {
		t.Fatalf("the run after the pause is number %d", n)
	}
	if without, far, err := s.Audit(t.Context(), []tasks.Schedule{sc}, now); err != nil || len(without)+len(far) > 0 {
		t.Errorf("without a run %v, far %v, %v", without, far, err)
	}
}
