package tasks_test

import (
	"testing"

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
	if ids, err := s.Killed(t.Context(), "here"); err != nil || len(ids) != 1 || ids[0] != ours {
		t.Errorf("Killed returned %v, %v; want %s", ids, err, ours)
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
