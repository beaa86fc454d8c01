package model_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func candidatesCase(c *checker) {
	ctx := c.Context()
	low := c.add(func(t *tasks.Task) { t.Priority = -1 })
	first := c.add()
	named := c.add(named("Mail/a"), kwargsOf(5000))
	high := c.add(func(t *tasks.Task) { t.Priority = 7 }, kwargsOf(10))
	c.add(func(t *tasks.Task) { t.TaskClass = "Other" })
	c.add(func(t *tasks.Task) { t.TsRequest = time.Now().Add(time.Hour) })
	if got, want := c.due("Mail"), []tasks.ID{high.ID, first.ID, named.ID, low.ID}; !slices.Equal(got, want) {
		c.Errorf("candidates %v; want %v", got, want)
	}
	if got, want := c.due("Mail", "Mail/a", "Mail/b"), []tasks.ID{high.ID, first.ID, low.ID}; !slices.Equal(got, want) {
		c.Errorf("without the blocked one %v; want %v", got, want)
	}
	cs, more, err := firstPage(ctx, c.s, tasks.Query{Classes: []string{"Mail", "Other"}, Limit: 2})
	if err != nil || !more || len(cs) != 2 || cs[0].ID != high.ID || cs[0].Priority != 7 {
		c.Errorf("at most two: %v, %v", cs, err)
	}
	if named.Kwargs != nil || high.Kwargs == nil || named.PendingKey != "Mail/a" {
		c.Errorf("kwargs %v and %v, key %q", named.Kwargs, high.Kwargs, named.PendingKey)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := firstPage(ended, c.s, tasks.Query{Classes: []string{"Mail"}, Limit: 2}); !errors.Is(err, context.Canceled) {
		c.Errorf("with an ended context: %v", err)
	}
}

func firstPage(ctx context.Context, s store, q tasks.Query) ([]tasks.Candidate, bool, error) {
	pages, err := s.Pages(ctx, q)
	if err != nil {
		return nil, false, err
	}
	return pages.Next(ctx, q.Limit)
}

func claimCase(c *checker) {
	task := c.add()
	cl, other := tasks.NewClaim("p-1", "e"), tasks.NewClaim("p-2", "f")
	c.claim(task, cl, "", "", tasks.Won)
	c.is(task.ID, "working by=p-1 holder=e")
	c.claim(task, cl, "", "", tasks.Won) // the reply was lost: once more
	c.claim(task, other, "", "", tasks.Lost)
	c.is(task.ID, "working by=p-1 holder=e")
	if got := c.due("Mail"); len(got) != 0 {
		c.Errorf("a claimed task is a candidate: %v", got)
	}
	later := c.add(func(t *tasks.Task) { t.TsRequest = time.Now().Add(time.Hour) })
	c.claim(later, cl, "", "", tasks.Lost)
	c.is(later.ID, "request")
	c.claim(tasks.Candidate{ID: tasks.NewID()}, cl, "", "", tasks.Lost)
	ended, cancel := context.WithCancel(c.Context())
	cancel()
	if _, err := c.s.Claim(ended, c.add(), cl, "", ""); !errors.Is(err, context.Canceled) {
		c.Errorf("with an ended context: %v", err)
	}
}

func claimKeyCase(c *checker) {
	going := c.add(named("Mail/a"))
	h := c.claim(going, tasks.NewClaim("p-1", "e"), "Mail/a", "a", tasks.Won)
	c.is(going.ID, "working name=a by=p-1 holder=e running=Mail/a")
	next, single := c.add(named("Mail/a")), c.add()
	cl := tasks.NewClaim("p-2", "e")
	c.claim(next, cl, "Mail/a", "a", tasks.Blocked)
	c.is(next.ID, "request pending=Mail/a")
	c.claim(single, cl, "Mail/a", "a", tasks.Blocked)
	c.finish(h, tasks.Outcome{State: tasks.Request}, nil)
	c.is(going.ID, "request name=a by=p-1 running=Mail/a")
	c.claim(next, cl, "Mail/a", "a", tasks.Blocked) // it waits for another attempt
	again := c.candidate(going.ID)
	h = c.claim(again, tasks.NewClaim("p-3", "e"), again.RunningKey, "a", tasks.Won)
	c.claim(going, h.Claim, "Mail/a", "a", tasks.Won)
	c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
	c.claim(next, cl, "Mail/a", "a", tasks.Won)
	c.is(next.ID, "working name=a by=p-2 holder=e running=Mail/a")
}

func claimManyCase(c *checker) {
	a, b, d := c.add(), c.add(), c.add()
	c.claim(b, tasks.NewClaim("q", "f"), "", "", tasks.Won)
	cl := tasks.NewClaim("", "e")
	for range 2 { // the second time as if the reply were lost
		won, err := c.s.ClaimMany(c.Context(), []tasks.ID{a.ID, b.ID, d.ID, tasks.NewID()}, []string{"p-1", "p-2", "p-3", "p-4"}, cl)
		if err != nil || !won[a.ID] || won[b.ID] || !won[d.ID] || len(won) != 2 {
			c.Fatalf("won %v, %v", won, err)
		}
	}
	c.is(a.ID, "working by=p-1 holder=e")
	c.is(b.ID, "working by=q holder=f")
	c.is(d.ID, "working by=p-3 holder=e")
	if _, err := c.s.Kill(c.Context(), a.ID); err != nil {
		c.Fatal(err)
	}
	won, err := c.s.ClaimMany(c.Context(), []tasks.ID{a.ID, d.ID}, []string{"p-1", "p-3"}, cl)
	if err != nil || !won[d.ID] { // whether a counts is not settled: it is ours, and over
		c.Errorf("after a kill won %v, %v", won, err)
	}
	e := c.add()
	if won, err := c.s.ClaimMany(c.Context(), []tasks.ID{e.ID, e.ID}, []string{"p-1", "p-2"}, cl); err != nil || !won[e.ID] || len(won) != 1 {
		c.Errorf("twice the same: %v, %v", won, err)
	}
	c.is(e.ID, "working by=p-1 holder=e")
}

// The times are far from the limit, since the database's clock is another.
func claimEarlyCase(c *checker) {
	at := func(d time.Duration) func(*tasks.Task) {
		due := time.Now().Add(d).Truncate(time.Millisecond)
		return func(t *tasks.Task) { t.TsRequest = due }
	}
	far, other := c.add(at(time.Hour)), c.add(at(2*time.Hour))
	cl := tasks.NewClaim("p-1", "e")
	cl.Early = []time.Time{far.TsRequest}
	c.claim(far, cl, "", "", tasks.Lost) // too early
	past := c.add()
	c.claim(past, cl, "", "", tasks.Lost) // moved
	for _, names := range [][]string{{"p-1", "p-2"}, nil} {
		if won, err := c.s.ClaimMany(c.Context(), []tasks.ID{far.ID, past.ID}, names, cl); err != nil || len(won) != 0 {
			c.Errorf("too early, and moved: %v, %v", won, err)
		}
	}
	// Each claim is sent as soon as it can win, and again.
	claim := func(cand tasks.Candidate, many bool) {
		cl := tasks.NewClaim("p-1", "e")
		cl.Early = []time.Time{other.TsRequest, cand.TsRequest}
		if !many {
			cl.Early = cl.Early[1:]
		}
		taskstest.Eventually(c.T, "an early claim", func() bool {
			if !many {
				v, err := c.s.Claim(c.Context(), cand, cl, "", "")
				return err == nil && v == tasks.Won
			}
			won, err := c.s.ClaimMany(c.Context(), []tasks.ID{cand.ID}, []string{"p-1"}, cl)
			return err == nil && won[cand.ID]
		})
		t, err := c.s.Get(c.Context(), cand.ID)
		if err != nil || t.TsStart.Before(t.TsRequest) || t.Processor != "p-1" || t.State != tasks.Working {
			c.Errorf("claimed early: %v, due %v, started %v", err, t.TsRequest, t.TsStart)
		}
	}
	claim(c.add(at(100*time.Millisecond)), false)
	claim(c.add(at(100*time.Millisecond)), true)
}

func refuseCase(c *checker) {
	first, same, other, large := c.add(), c.add(), c.add(kwargsOf(10)), c.add(kwargsOf(5000))
	refuse := func(cand tasks.Candidate, want bool) {
		c.Helper()
		if got, err := c.s.RefuseSingleton(c.Context(), cand, "Mail/"); err != nil || got != want {
			c.Fatalf("refused %v, %v; want %v", got, err, want)
		}
	}
	refuse(same, false) // nothing runs
	c.is(same.ID, "request")
	h := c.claim(first, tasks.NewClaim("p-1", "e"), "Mail/", "", tasks.Won)
	refuse(same, true)
	c.is(same.ID, "aborted")
	refuse(same, true) // over already
	c.is(same.ID, "aborted")
	for _, cand := range []tasks.Candidate{other, large} {
		refuse(cand, true)
		if t, _ := c.s.Get(c.Context(), cand.ID); t.State != tasks.Error {
			c.Errorf("other kwargs: state %s", t.State)
		}
	}
	c.finish(h, tasks.Outcome{State: tasks.Request}, nil)
	refuse(first, true) // it has the name itself, and waits for its next attempt
	c.is(first.ID, "request by=p-1 running=Mail/")
	h = c.claim(c.candidate(first.ID), tasks.NewClaim("p-2", "e"), "Mail/", "", tasks.Won)
	c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
	refuse(c.add(), false)
}

func finishCase(c *checker) {
	for _, o := range []struct {
		tasks.Outcome
		want string
	}{
		{tasks.Outcome{State: tasks.Success, LastLog: "done"}, "success by=p-1"},
		{tasks.Outcome{State: tasks.Error, Failure: "bad", Spent: true}, "error by=p-1 attempt=1 errors=1"},
		{tasks.Outcome{State: tasks.Aborted, Failure: "no", Spent: true}, "aborted by=p-1 attempt=1 errors=1"},
		{tasks.Outcome{State: tasks.Request, Failure: "bad", Spent: true}, "request by=p-1 attempt=1 errors=1"},
		{tasks.Outcome{State: tasks.Request, LastLog: "given back"}, "request by=p-1"},
	} {
		task := c.add()
		h := c.claim(task, tasks.NewClaim("p-1", "e"), "", "", tasks.Won)
		for range 2 { // the second time as if the reply were lost
			c.finish(h, o.Outcome, nil)
			c.is(task.ID, o.want)
		}
		if t, _ := c.s.Get(c.Context(), task.ID); t.LastLog != o.LastLog {
			c.Errorf("lastLog %q; want %q", t.LastLog, o.LastLog)
		}
		if o.State == tasks.Request {
			taskstest.Eventually(c, "a task to be due again", func() bool { return slices.Contains(c.due("Mail"), task.ID) })
		}
	}
	delayed := c.add()
	h := c.claim(delayed, tasks.NewClaim("p-1", "e"), "", "", tasks.Won)
	c.finish(h, tasks.Outcome{State: tasks.Request, Delay: time.Hour}, nil)
	c.claim(delayed, tasks.NewClaim("p-1", "e"), "", "", tasks.Lost)
	h = c.claim(c.add(), tasks.NewClaim("p-1", "e"), "", "", tasks.Won)
	for _, s := range []tasks.State{tasks.Working, tasks.Kill, "", "bogus"} {
		if err := c.s.Finish(c.Context(), h, tasks.Outcome{State: s}); err == nil {
			c.Errorf("an attempt may end as %q", s)
		}
	}
}

func finishKeyCase(c *checker) {
	task := c.add(named("Mail/a"))
	h := c.claim(task, tasks.NewClaim("p-1", "e"), "Mail/a", "", tasks.Won)
	c.finish(h, tasks.Outcome{State: tasks.Request}, nil)
	c.is(task.ID, "request by=p-1 running=Mail/a")
	h = c.claim(c.candidate(task.ID), tasks.NewClaim("p-2", "e"), "Mail/a", "", tasks.Won)
	c.finish(h, tasks.Outcome{State: tasks.Error}, nil)
	c.is(task.ID, "error by=p-2 last=Mail/a")
}

func finishKilledCase(c *checker) {
	for _, o := range []struct {
		end  tasks.State
		want string
	}{
		{tasks.Success, "success by=p-1"},
		{tasks.Error, "error by=p-1"},
		{tasks.Request, "error by=p-1 attempt=0 errors=1"},
		{tasks.Aborted, "error by=p-1 attempt=0 errors=1"},
	} {
		task := c.add()
		h := c.claim(task, tasks.NewClaim("p-1", "e"), "", "", tasks.Won)
		if _, err := c.s.Kill(c.Context(), task.ID); err != nil {
			c.Fatal(err)
		}
		c.claim(task, h.Claim, "", "", tasks.Lost)
		c.finish(h, tasks.Outcome{State: o.end}, nil)
		c.is(task.ID, o.want)
	}
}

func fencingCase(c *checker) {
	task := c.add()
	stale := tasks.Held{Candidate: task, Claim: tasks.NewClaim("p-1", "e")}
	give := tasks.Outcome{State: tasks.Request}
	c.finish(stale, give, tasks.ErrFenced) // never claimed
	c.is(task.ID, "request")
	h := c.claim(task, tasks.NewClaim("p-2", "f"), "", "", tasks.Won)
	c.finish(stale, give, tasks.ErrFenced)
	c.finish(stale, tasks.Outcome{State: tasks.Success}, tasks.ErrFenced)
	c.is(task.ID, "working by=p-2 holder=f")
	c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
	c.finish(stale, give, tasks.ErrFenced)
	c.finish(tasks.Held{Candidate: tasks.Candidate{ID: tasks.NewID()}, Claim: h.Claim}, give, tasks.ErrFenced)
}
