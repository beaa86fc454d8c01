package model_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// A new primary has the oldest of what no majority had, and followers hear of that
// only, in order.
func TestFailOver(t *testing.T) {
	ctx := t.Context()
	db := model.New()
	s := db.Client(func(_ context.Context, st model.Statement) error { st.Run(); return nil })
	var heard []string
	stop := db.Follow(func(c model.Change) {
		if ev, ok := c.Event(); ok {
			heard = append(heard, fmt.Sprint(ev.Kind, ev.ID))
		}
	})
	a, b := &tasks.Task{TaskClass: "Mail"}, &tasks.Task{TaskClass: "Mail"}
	if err := s.Insert(ctx, a, b); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 0 || db.Uncommitted() != 2 {
		t.Fatalf("heard %v, %d uncommitted", heard, db.Uncommitted())
	}
	db.Commit(1)
	cl := tasks.NewClaim("p", "e")
	won, err := s.ClaimMany(ctx, []tasks.ID{a.ID, b.ID}, nil, cl)
	if err != nil || len(won) != 2 {
		t.Fatal(won, err)
	}
	held := tasks.Held{Candidate: model.Candidate(a), Claim: cl}
	if err := s.Finish(ctx, held, tasks.Outcome{State: tasks.Success}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Join(ctx, tasks.Process{Epoch: "e"}), s.DropName(ctx, "n", "e")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if free, _, err := s.TakeName(ctx, "n", "e"); !free || err != nil {
		t.Fatal(free, err)
	}
	db.FailOver(2) // the insert of b and the claim of a
	states := []tasks.State{}
	for _, task := range db.Tasks() {
		states = append(states, task.State)
	}
	if want := []tasks.State{tasks.Working, tasks.Request}; !slices.Equal(states, want) {
		t.Errorf("states %v; want %v", states, want)
	}
	if ps, err := s.Processes(ctx); err != nil || len(ps) != 0 {
		t.Errorf("processes %v, %v", ps, err)
	}
	if free, _, err := s.TakeName(ctx, "n", "f"); !free || err != nil {
		t.Errorf("the name is not free: %v", err)
	}
	stop()
	if err := s.Finish(ctx, held, tasks.Outcome{State: tasks.Request}); err != nil {
		t.Errorf("the claim is there and cannot end: %v", err)
	}
	db.FailOver(db.Uncommitted())
	if want := []string{fmt.Sprint(tasks.Inserted, a.ID), fmt.Sprint(tasks.Inserted, b.ID)}; !slices.Equal(heard, want) {
		t.Errorf("heard %v; want %v", heard, want)
	}
	if len(db.Problems()) > 0 {
		t.Error(db.Problems())
	}
}
