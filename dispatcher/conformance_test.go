package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	taskstest.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// subject is a store under test.
type subject struct {
	store
	kill func(context.Context, tasks.ID) error
}

type store interface {
	Claims
	Insert(context.Context, ...*tasks.Task) error
	Get(context.Context, tasks.ID) (tasks.Task, error)
	Candidate(context.Context, tasks.ID) (tasks.Candidate, error)
}

// TestClaims runs the same cases against the store and against the fake of the
// other tests, so that they cannot drift apart.
func TestClaims(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		testClaims(t, func(*testing.T) subject { m := newMemory(); return subject{m, m.kill} })
	})
	t.Run("store", func(t *testing.T) {
		testClaims(t, func(t *testing.T) subject {
			s := taskstest.Store(t)
			return subject{s, func(ctx context.Context, id tasks.ID) error {
				_, err := s.Database().Collection("tasks").UpdateByID(ctx, id, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: tasks.Kill}}}})
				return err
			}}
		})
	})
}

func testClaims(t *testing.T, newClaims func(*testing.T) subject) {
	for name, check := range map[string]func(*checker){
		"candidates": candidatesCase, "claim": claimCase, "claim under a name": claimKeyCase, "claim many": claimManyCase,
		"refuse a singleton": refuseCase, "finish": finishCase, "finish under a name": finishKeyCase,
		"finish a killed one": finishKilledCase, "fencing": fencingCase,
	} {
		t.Run(name, func(t *testing.T) { check(&checker{t, newClaims(t)}) })
	}
}

type checker struct {
	*testing.T
	s subject
}

// add inserts a task and, if it is due, waits until the store's clock says so.
func (c *checker) add(edits ...func(*tasks.Task)) tasks.Candidate {
	c.Helper()
	task := &tasks.Task{TaskClass: "Mail"}
	for _, edit := range edits {
		edit(task)
	}
	if err := c.s.Insert(c.Context(), task); err != nil {
		c.Fatal(err)
	}
	if time.Until(task.TsRequest) < time.Minute {
		taskstest.Eventually(c, "a task to be due", func() bool { return slices.Contains(c.due(task.TaskClass), task.ID) })
	}
	return c.candidate(task.ID)
}

func (c *checker) candidate(id tasks.ID) tasks.Candidate {
	c.Helper()
	cand, err := c.s.Candidate(c.Context(), id)
	if err != nil {
		c.Fatal(err)
	}
	return cand
}

func (c *checker) due(class string, blocked ...string) (ids []tasks.ID) {
	c.Helper()
	cs, err := c.s.Candidates(c.Context(), tasks.Query{Classes: []string{class}, Blocked: blocked, Limit: 100})
	if err != nil {
		c.Fatal(err)
	}
	for _, cand := range cs {
		ids = append(ids, cand.ID)
	}
	return ids
}

func (c *checker) claim(cand tasks.Candidate, cl tasks.Claim, key, name string, want tasks.Verdict) tasks.Held {
	c.Helper()
	got, err := c.s.Claim(c.Context(), cand, cl, key, name)
	if err != nil || got != want {
		c.Fatalf("claim: verdict %d, %v; want %d", got, err, want)
	}
	return tasks.Held{Candidate: cand, Claim: cl, Key: key}
}

func (c *checker) finish(h tasks.Held, o tasks.Outcome, want error) {
	c.Helper()
	if err := c.s.Finish(c.Context(), h, o); !errors.Is(err, want) {
		c.Fatalf("finish: %v; want %v", err, want)
	}
}

// is compares the fields that the dispatcher's statements write.
func (c *checker) is(id tasks.ID, want string) {
	c.Helper()
	t, err := c.s.Get(c.Context(), id)
	if err != nil {
		c.Fatal(err)
	}
	parts := []string{string(t.State)}
	for _, f := range []struct{ name, value string }{
		{"name", t.TaskName}, {"by", t.Processor}, {"holder", t.Holder}, {"pending", t.PendingKey}, {"running", t.RunningKey}, {"last", t.LastKey},
	} {
		if f.value != "" {
			parts = append(parts, f.name+"="+f.value)
		}
	}
	if t.Attempt != 0 || len(t.Errors) != 0 {
		parts = append(parts, fmt.Sprintf("attempt=%d errors=%d", t.Attempt, len(t.Errors)))
	}
	if got := strings.Join(parts, " "); got != want {
		c.Errorf("task is\n  %s; want\n  %s", got, want)
	}
	if t.State.Final() == t.TsStop.IsZero() {
		c.Errorf("state %s, tsStop %v", t.State, t.TsStop)
	}
}

func named(pendingKey string) func(*tasks.Task) {
	return func(t *tasks.Task) { t.PendingKey = pendingKey }
}

func kwargsOf(size int) func(*tasks.Task) {
	raw, err := bson.Marshal(bson.D{{Key: "a", Value: strings.Repeat("x", size)}})
	if err != nil {
		panic(err)
	}
	return func(t *tasks.Task) { t.Kwargs = raw }
}

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
	cs, err := c.s.Candidates(ctx, tasks.Query{Classes: []string{"Mail", "Other"}, Limit: 2})
	if err != nil || len(cs) != 2 || cs[0].ID != high.ID || cs[0].Priority != 7 {
		c.Errorf("at most two: %v, %v", cs, err)
	}
	if named.Kwargs != nil || high.Kwargs == nil || named.PendingKey != "Mail/a" {
		c.Errorf("kwargs %v and %v, key %q", named.Kwargs, high.Kwargs, named.PendingKey)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.s.Candidates(ended, tasks.Query{Classes: []string{"Mail"}, Limit: 2}); !errors.Is(err, context.Canceled) {
		c.Errorf("with an ended context: %v", err)
	}
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
	if err := c.s.kill(c.Context(), a.ID); err != nil {
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
		if err := c.s.kill(c.Context(), task.ID); err != nil {
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
