package model_test

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

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/model"
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

// store is what both have.
type store interface {
	dispatcher.Claims
	Insert(context.Context, ...*tasks.Task) error
	Get(context.Context, tasks.ID) (tasks.Task, error)
	Candidate(context.Context, tasks.ID) (tasks.Candidate, error)
	Candidates(context.Context, tasks.Query) ([]tasks.Candidate, error)
	Kill(context.Context, tasks.ID) (tasks.State, error)
	Killed(ctx context.Context, holder string) (held, unheld []tasks.ID, err error)
	EndKilled(context.Context, tasks.ID) (bool, error)
	table
}

// TestClaims runs the same cases against the store and against the model.
func TestClaims(t *testing.T) {
	for name, check := range map[string]func(*checker){
		"candidates": candidatesCase, "claim": claimCase, "claim under a name": claimKeyCase, "claim many": claimManyCase, "claim early": claimEarlyCase,
		"refuse a singleton": refuseCase, "finish": finishCase, "finish under a name": finishKeyCase,
		"finish a killed one": finishKilledCase, "fencing": fencingCase, "claim ahead": claimAheadCase, "finish many": finishManyCase,
		"kill": killCase,
	} {
		both(t, name, check)
	}
}

func both(t *testing.T, name string, check func(*checker)) {
	t.Run("model/"+name, func(t *testing.T) { check(&checker{t, model.New().Client(nil)}) })
	t.Run("store/"+name, func(t *testing.T) { check(&checker{t, taskstest.Store(t)}) })
}

type checker struct {
	*testing.T
	s store
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
	pages, err := c.s.Pages(c.Context(), tasks.Query{Classes: []string{class}, Blocked: blocked, Limit: 3, Whole: true})
	if err != nil {
		c.Fatal(err)
	}
	for more := true; more; {
		var cs []tasks.Candidate
		if cs, more, err = pages.Next(c.Context(), 2); err != nil {
			c.Fatal(err)
		}
		for _, cand := range cs {
			ids = append(ids, cand.ID)
		}
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
