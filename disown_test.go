package lgtask

import (
	"testing"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// A task that is this process's, as the database says, and that the process does not
// know goes back; those that run stay.
func TestUnknownOwnTaskGoesBack(t *testing.T) {
	r := newRescuers(t)
	a := r.start("a", nil)
	runs := r.create(a, "Held")
	run := <-r.runs
	before, err := r.store.Get(t.Context(), runs)
	if err != nil {
		t.Fatal(err)
	}
	forgotten, killed := r.claimFor(a, ""), r.claimFor(a, "key")
	if _, err := r.store.Kill(t.Context(), killed); err != nil {
		t.Fatal(err)
	}
	r.is(forgotten, StateRequest, 0)
	r.is(killed, StateError, 0)
	if task, err := r.store.Get(t.Context(), killed); err != nil || task.RunningKey != "" {
		t.Errorf("%v, key %q", err, task.RunningKey)
	}
	if after, err := r.store.Get(t.Context(), runs); err != nil || after.Claim.Token != before.Claim.Token || run.ctx.Err() != nil {
		t.Errorf("%v, token %s instead of %s, %v", err, after.Claim.Token, before.Claim.Token, run.ctx.Err())
	}
	run.end <- nil
	r.is(runs, StateSuccess, 0)
}

// claimFor claims a task as the process does, behind its back.
func (r *rescuers) claimFor(p *Processor, key string) TaskID {
	r.Helper()
	task := &tasks.Task{TaskClass: "Other"} // not one that it would take by itself
	if err := r.store.Insert(r.Context(), task); err != nil {
		r.Fatal(err)
	}
	var c tasks.Candidate
	taskstest.Eventually(r.T, "the candidate", func() (ok bool) {
		var err error
		c, err = r.store.Candidate(r.Context(), task.ID)
		return err == nil
	})
	if v, err := r.store.Claim(r.Context(), c, tasks.NewClaim("a", p.engine.member.epoch()), key, ""); err != nil || v != tasks.Won {
		r.Fatal(v, err)
	}
	return task.ID
}
