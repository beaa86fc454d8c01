package model_test

import (
	"slices"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// ahead claims tasks without naming processors.
func (c *checker) ahead(cs ...tasks.Candidate) []tasks.Held {
	c.Helper()
	cl := tasks.NewClaim("", "e")
	ids, held := make([]tasks.ID, len(cs)), make([]tasks.Held, len(cs))
	for i, cand := range cs {
		ids[i], held[i] = cand.ID, tasks.Held{Candidate: cand, Claim: cl, Ahead: true}
	}
	if won, err := c.s.ClaimMany(c.Context(), ids, nil, cl); err != nil || len(won) != len(cs) {
		c.Fatalf("won %v, %v", won, err)
	}
	return held
}

func claimAheadCase(c *checker) {
	task := c.add()
	h := c.ahead(task)[0]
	c.is(task.ID, "working holder=e")
	unstarted := tasks.Outcome{State: tasks.Request, Unstarted: true}
	for range 2 {
		c.finish(h, unstarted, nil)
		c.is(task.ID, "request")
	}
	if got, _ := c.s.Get(c.Context(), task.ID); !got.TsRequest.Equal(task.TsRequest) || got.LastLog != "" {
		c.Errorf("due %v, lastLog %q", got.TsRequest, got.LastLog)
	}
	h = c.ahead(task)[0]
	h.Processor = "p-7"
	c.finish(h, tasks.Outcome{State: tasks.Request, Spent: true}, nil)
	c.is(task.ID, "request by=p-7 attempt=1 errors=0")
	taskstest.Eventually(c, "a task to be due again", func() bool { return slices.Contains(c.due("Mail"), task.ID) })
	h = c.ahead(c.candidate(task.ID))[0]
	c.is(task.ID, "working by=p-7 holder=e attempt=1 errors=0") // who had it before
	h.Processor = "p-8"
	c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
	c.is(task.ID, "success by=p-8 attempt=1 errors=0")
}

func finishManyCase(c *checker) {
	cs := []tasks.Candidate{}
	for range 8 {
		cs = append(cs, c.add())
	}
	held := c.ahead(cs[:6]...)
	for i := range held {
		held[i].Processor = "p-" + string(rune('0'+i))
	}
	held = append(held, c.claim(cs[6], tasks.NewClaim("q-1", "e"), "", "", tasks.Won))
	held = append(held, tasks.Held{Candidate: cs[7], Claim: tasks.NewClaim("q-2", "f")}) // never claimed
	if _, err := c.s.Kill(c.Context(), cs[4].ID); err != nil {
		c.Fatal(err)
	}
	ends := []struct {
		tasks.Outcome
		want string
	}{
		{tasks.Outcome{State: tasks.Success}, "success by=p-0"},
		{tasks.Outcome{State: tasks.Success}, "success by=p-1"},
		{tasks.Outcome{State: tasks.Error, Failure: "bad", Spent: true}, "error by=p-2 attempt=1 errors=1"},
		{tasks.Outcome{State: tasks.Request, Unstarted: true}, "request"},
		{tasks.Outcome{State: tasks.Aborted, Spent: true}, "error by=p-4 attempt=1 errors=1"},
		{tasks.Outcome{State: tasks.Request, Delay: time.Hour}, "request by=p-5"},
		{tasks.Outcome{State: tasks.Success}, "success by=q-1"},
		{tasks.Outcome{State: tasks.Success}, "request"},
	}
	es := make([]tasks.Ending, len(ends))
	for i, e := range ends {
		es[i] = tasks.Ending{Held: held[i], Outcome: e.Outcome}
	}
	for range 2 { // the second time as if the reply were lost
		errs, err := c.s.FinishMany(c.Context(), es)
		if err != nil || len(errs) != len(es) {
			c.Fatalf("answers %v, %v", errs, err)
		}
		for i, e := range ends {
			if want := i == 7; (errs[i] == tasks.ErrFenced) != want || !want && errs[i] != nil {
				c.Errorf("end %d: %v", i, errs[i])
			}
			c.is(cs[i].ID, e.want)
		}
	}
}
