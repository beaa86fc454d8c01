package tasks_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestKilled(t *testing.T) {
	s := taskstest.Store(t)
	setKill := func(id tasks.ID) {
		t.Helper()
		if _, err := collection(s).UpdateByID(t.Context(), id, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: tasks.Kill}}}}); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(id tasks.ID, holder string) tasks.Held {
		t.Helper()
		c, err := s.Candidate(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("p", holder)}
		if v, err := s.Claim(t.Context(), c, h.Claim, "", ""); err != nil || v != tasks.Won {
			t.Fatal(v, err)
		}
		return h
	}
	ours, theirs, going, waiting := insert(t, s), insert(t, s), insert(t, s), insert(t, s)
	claim(ours, "here")
	claim(theirs, "there")
	claim(going, "here")
	for _, id := range []tasks.ID{ours, theirs, waiting} {
		setKill(id)
	}
	if held, unheld, err := s.Killed(t.Context(), "here"); err != nil || len(held) != 1 || held[0] != ours || len(unheld) != 1 || unheld[0] != waiting {
		t.Errorf("Killed returned %v, %v, %v; want %s, %s", held, unheld, err, ours, waiting)
	}
	for id, want := range map[tasks.ID]bool{ours: false, theirs: false, going: false, waiting: true} {
		if ended, err := s.EndKilled(t.Context(), id); err != nil || ended != want {
			t.Errorf("EndKilled(%s) = %v, %v; want %v", id, ended, err, want)
		}
	}
	if got, err := s.Get(t.Context(), waiting); err != nil || got.State != tasks.Error || got.LastLog != "killed before it started" {
		t.Errorf("the waiting task is %+v, %v", got, err)
	}
}

// Kill ends what waits, asks the holder of what is going, and says what it cannot do.
func TestKill(t *testing.T) {
	s := taskstest.Store(t)
	expect := func(id tasks.ID, want tasks.State, wantErr error) {
		t.Helper()
		for range 2 { // the second time nothing changes
			if state, err := s.Kill(t.Context(), id); state != want || !errors.Is(err, wantErr) {
				t.Errorf("%s, %v; want %s, %v", state, err, want, wantErr)
			}
			if want == tasks.Error && wantErr == nil {
				wantErr = tasks.ErrEnded
			}
		}
	}
	waiting, going, done := insert(t, s), insert(t, s), insert(t, s)
	h := claim(t, s, done)
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	claim(t, s, going)
	expect(waiting, tasks.Error, nil)
	expect(going, tasks.Kill, nil)
	expect(done, tasks.Success, tasks.ErrEnded)
	expect(tasks.NewID(), "", tasks.ErrNotFound)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	expect(first(ensureRun(t, s, sc, time.Time{})), tasks.Request, tasks.ErrScheduledRun)
	if task := get(t, s, waiting); task.LastLog != "killed before it started" || len(task.Errors) != 1 {
		t.Errorf("%q, %v", task.LastLog, task.Errors)
	}
}

// What failed waits again as if it were new, but for its errors.
func TestRetry(t *testing.T) {
	s := taskstest.Store(t)
	fail := func(edits ...func(*tasks.Task)) tasks.ID {
		id := insert(t, s, edits...)
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Error, Failure: "x", Spent: true})
		return id
	}
	id := fail()
	old := get(t, s, id)
	if err := s.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	task := get(t, s, id)
	if task.State != tasks.Request || task.Attempt != 0 || len(task.Errors) != 1 || !task.ExpireAt.IsZero() || !task.TsStop.IsZero() || !task.Claim.IsZero() || task.TsRequest.Before(old.TsStop) {
		t.Errorf("%+v", task)
	}
	if err := s.Retry(t.Context(), id); !errors.Is(err, tasks.ErrNotEnded) {
		t.Errorf("one that waits: %v", err)
	}
	finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Success})
	if err := s.Retry(t.Context(), id); !errors.Is(err, tasks.ErrNotEnded) {
		t.Errorf("one that succeeded: %v", err)
	}
	if err := s.Retry(t.Context(), tasks.NewID()); !errors.Is(err, tasks.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	named := func(task *tasks.Task) { task.TaskName, task.PendingKey = "n", "Mail/n" }
	earlier, later := fail(named), fail(named)
	other := fail(func(task *tasks.Task) { task.TaskClass = "Other" })
	plain := fail()
	for round, want := range [][2]int{{2, 1}, {0, 1}} {
		if back, left, err := s.RetryAll(t.Context(), "Mail"); err != nil || back != want[0] || left != want[1] {
			t.Errorf("round %d: %d back, %d left, %v", round, back, left, err)
		}
	}
	for id, want := range map[tasks.ID]tasks.State{earlier: tasks.Error, later: tasks.Request, plain: tasks.Request, other: tasks.Error} {
		if got := get(t, s, id); got.State != want || (got.PendingKey != "") != (id == later) {
			t.Errorf("%s, pending %q; want %s", got.State, got.PendingKey, want)
		}
	}
	if err := s.Retry(t.Context(), earlier); !errors.Is(err, tasks.ErrRunWaits) {
		t.Errorf("while another run of the name waits: %v", err)
	}
	if back, left, err := s.RetryAll(t.Context(), ""); err != nil || back != 1 || left != 1 {
		t.Errorf("of all classes: %d, %d, %v", back, left, err)
	}
}
