package tasks_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestClaimHasOneWinner(t *testing.T) {
	s := taskstest.Store(t)
	for range 4 {
		c := candidate(t, s, insert(t, s))
		var winner atomic.Pointer[tasks.Claim]
		together(50, func(i int) {
			cl := tasks.NewClaim(fmt.Sprintf("host-%d", i), "epoch")
			switch v, err := s.Claim(t.Context(), c, cl, "", ""); {
			case err != nil || v == tasks.Blocked:
				t.Errorf("claim %d: %d, %v", i, v, err)
			case v == tasks.Won && !winner.CompareAndSwap(nil, &cl):
				t.Errorf("%s won too", cl.Processor)
			}
		})
		task, cl := get(t, s, c.ID), winner.Load()
		if cl == nil || task.State != tasks.Working || task.Claim.Token != cl.Token || task.Processor != cl.Processor || task.Holder != "epoch" || task.TsStart.IsZero() {
			t.Errorf("claimed by %+v: %+v", cl, task)
		}
	}
}

func TestClaimAgainWinsAgain(t *testing.T) {
	s := taskstest.Store(t)
	c := candidate(t, s, insert(t, s, func(task *tasks.Task) { task.PendingKey = "Mail/" }))
	cl := tasks.NewClaim("p", "h")
	for i := range 3 {
		if v, err := s.Claim(t.Context(), c, cl, "Mail/", ""); v != tasks.Won || err != nil {
			t.Errorf("time %d: %d, %v", i, v, err)
		}
	}
	if v, err := s.Claim(t.Context(), c, tasks.NewClaim("q", "h"), "Mail/", ""); v != tasks.Lost || err != nil {
		t.Errorf("another token: %d, %v", v, err)
	}
	finish(t, s, tasks.Held{Candidate: c, Claim: cl, Key: "Mail/"}, tasks.Outcome{State: tasks.Success})
	if v, err := s.Claim(t.Context(), c, cl, "Mail/", ""); v != tasks.Lost || err != nil {
		t.Errorf("after the end: %d, %v", v, err)
	}
}

// The instant counts by the server's clock, whatever the caller believes.
func TestClaimNothingBeforeItsTime(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s, func(task *tasks.Task) { task.TsRequest = s.Clock().Add(time.Hour) })
	c := candidate(t, s, id)
	c.TsRequest = time.UnixMilli(0)
	if v, err := s.Claim(t.Context(), c, tasks.NewClaim("p", "h"), "", ""); v != tasks.Lost || err != nil {
		t.Errorf("an hour early: %d, %v", v, err)
	}
	if won, err := s.ClaimMany(t.Context(), []tasks.ID{id}, []string{"p"}, tasks.NewClaim("p", "h")); len(won) != 0 || err != nil {
		t.Errorf("an hour early: %v, %v", won, err)
	}
	// A task is due the moment it was inserted without a time, and one due in a
	// moment is won only then.
	for range 20 {
		claim(t, s, insert(t, s))
	}
	due := s.Clock().Add(150 * time.Millisecond)
	id = insert(t, s, func(task *tasks.Task) { task.TsRequest = due })
	c = candidate(t, s, id)
	taskstest.Eventually(t, "the task to be due", func() bool {
		v, err := s.Claim(t.Context(), c, tasks.NewClaim("p", "h"), "", "")
		return err == nil && v == tasks.Won
	})
	if task := get(t, s, id); task.TsStart.Before(due) {
		t.Errorf("due %v, started %v", due, task.TsStart)
	}
}

func TestClaimMany(t *testing.T) {
	s := taskstest.Store(t)
	var ids []tasks.ID
	var names []string
	for i := range 20 {
		ids = append(ids, insert(t, s))
		names = append(names, fmt.Sprintf("host-%d", i))
	}
	mine := tasks.NewClaim("", "mine")
	first, err := s.ClaimMany(t.Context(), ids[:8], names[:8], tasks.NewClaim("", "other"))
	if err != nil || len(first) != 8 {
		t.Fatalf("first claim: %v, %v", first, err)
	}
	ids[19] = tasks.NewID() // gone
	for time := range 2 {   // the same statement twice
		won, err := s.ClaimMany(t.Context(), ids, names, mine)
		if err != nil || len(won) != 11 {
			t.Fatalf("time %d: %d won, %v", time, len(won), err)
		}
		for i, id := range ids {
			if won[id] != (i >= 8 && i < 19) {
				t.Errorf("time %d, task %d: %v", time, i, won[id])
			}
		}
	}
	for i, id := range ids[:19] {
		task := get(t, s, id)
		if task.Processor != names[i] || task.State != tasks.Working || (task.Holder == "mine") != (i >= 8) {
			t.Errorf("task %d: %+v", i, task)
		}
	}
	if won, err := s.ClaimMany(t.Context(), ids[:8], names[:8], mine); err != nil || len(won) != 0 {
		t.Errorf("all lost: %v, %v", won, err)
	}
}

func TestClaimManySharesTasksOut(t *testing.T) {
	s := taskstest.Store(t)
	var ids []tasks.ID
	for range 60 {
		ids = append(ids, insert(t, s))
	}
	var total atomic.Int64
	together(6, func(i int) {
		names := make([]string, len(ids))
		won, err := s.ClaimMany(t.Context(), ids, names, tasks.NewClaim("", fmt.Sprint("h", i)))
		if err != nil {
			t.Error(err)
		}
		total.Add(int64(len(won)))
	})
	if total.Load() != 60 {
		t.Errorf("%d won of 60", total.Load())
	}
}

func TestClaimOfNamedTask(t *testing.T) {
	s := taskstest.Store(t)
	run := func() tasks.ID {
		return insert(t, s, func(task *tasks.Task) { task.TaskName, task.PendingKey = "n", "Mail/n" })
	}
	h := claim(t, s, run())
	if task := get(t, s, h.ID); task.PendingKey != "" || task.RunningKey != "Mail/n" {
		t.Errorf("claimed: pending %q, running %q", task.PendingKey, task.RunningKey)
	}
	c := candidate(t, s, run()) // the next one waits
	cl := tasks.NewClaim("p", "h")
	if v, err := s.Claim(t.Context(), c, cl, "Mail/n", ""); v != tasks.Blocked || err != nil {
		t.Errorf("while one is going: %d, %v", v, err)
	}
	if task := get(t, s, c.ID); task.State != tasks.Request || task.PendingKey != "Mail/n" {
		t.Errorf("blocked: %+v", task)
	}
	// Between two attempts the run keeps its name.
	finish(t, s, h, tasks.Outcome{State: tasks.Request, Spent: true})
	if task := get(t, s, h.ID); task.RunningKey != "Mail/n" || task.PendingKey != "" || task.Attempt != 1 {
		t.Errorf("given back: %+v", task)
	}
	if v, _ := s.Claim(t.Context(), c, cl, "Mail/n", ""); v != tasks.Blocked {
		t.Errorf("while one waits for its next attempt: %d", v)
	}
	again := claim(t, s, h.ID)
	if again.RunningKey != "Mail/n" || again.Key != "Mail/n" || !again.Keyed() {
		t.Errorf("claimed again: %+v", again)
	}
	finish(t, s, again, tasks.Outcome{State: tasks.Error, Failure: "x", Spent: true})
	if task := get(t, s, h.ID); task.RunningKey != "" || task.LastKey != "Mail/n" {
		t.Errorf("ended: running %q, last %q", task.RunningKey, task.LastKey)
	}
	claim(t, s, c.ID)
	// A computed name is written, and does not read as an expression.
	other := candidate(t, s, insert(t, s))
	if v, err := s.Claim(t.Context(), other, cl, "Mail/$state", "$state"); v != tasks.Won || err != nil {
		t.Errorf("computed name: %d, %v", v, err)
	}
	if task := get(t, s, other.ID); task.TaskName != "$state" || task.RunningKey != "Mail/$state" {
		t.Errorf("computed name: %+v", task)
	}
}

func TestRefuse(t *testing.T) {
	s := taskstest.Store(t)
	for _, state := range tasks.States {
		id := insert(t, s, func(task *tasks.Task) { task.PendingKey = "Mail/" })
		ok, err := s.Refuse(t.Context(), id, state, "$$NOW")
		if legal := state == tasks.Aborted || state == tasks.Error; legal != ok || legal != (err == nil) {
			t.Errorf("as %s: %v, %v", state, ok, err)
		}
		task := get(t, s, id)
		if ok && (task.State != state || task.LastLog != "$$NOW" || task.PendingKey != "" || (len(task.Errors) == 1) != (state == tasks.Error)) {
			t.Errorf("as %s: %+v", state, task)
		}
		if ok, err := s.Refuse(t.Context(), id, tasks.Aborted, "again"); err != nil || ok != (task.State == tasks.Request) {
			t.Errorf("again: %v, %v", ok, err)
		}
	}
	h := claim(t, s, insert(t, s))
	if ok, err := s.Refuse(t.Context(), h.ID, tasks.Error, "x"); ok || err != nil {
		t.Errorf("a claimed task: %v, %v", ok, err)
	}
	// A run that waits for its next attempt gives its name free.
	h = claim(t, s, insert(t, s, func(task *tasks.Task) { task.PendingKey = "Mail/" }))
	finish(t, s, h, tasks.Outcome{State: tasks.Request, Delay: time.Hour})
	if ok, err := s.Refuse(t.Context(), h.ID, tasks.Error, "killed before start"); !ok || err != nil {
		t.Errorf("between attempts: %v, %v", ok, err)
	}
	if task := get(t, s, h.ID); task.RunningKey != "" || task.LastKey != "Mail/" {
		t.Errorf("between attempts: %+v", task)
	}
}

// A document that fills the server's 16 MB has no room for a claim: it ends,
// and does not keep the others from being claimed.
func TestClaimOfHugeDocument(t *testing.T) {
	s := taskstest.Store(t)
	now := time.Now().Add(-time.Minute)
	huge := func() tasks.ID {
		doc := d("_id", tasks.NewID().String(), "taskClass", "Mail", "taskName", "", "state", "request", "priority", 0, "tsInsert", now, "tsRequest", now, "kwargs", d("a", ""))
		doc[len(doc)-1].Value = d("a", strings.Repeat("x", 16<<20-len(kwargs(t, doc))))
		return insertRaw(t, collection(s), doc)
	}
	a, b, c := huge(), huge(), insert(t, s)
	if v, err := s.Claim(t.Context(), candidate(t, s, a), tasks.NewClaim("p", "h"), "", ""); v != tasks.Lost || err != nil {
		t.Errorf("alone: %d, %v", v, err)
	}
	won, err := s.ClaimMany(t.Context(), []tasks.ID{b, c}, []string{"p", "q"}, tasks.NewClaim("", "h"))
	if err != nil || len(won) != 1 || !won[c] {
		t.Errorf("among others: %v, %v", won, err)
	}
	for _, id := range []tasks.ID{a, b} {
		if task := get(t, s, id); task.State != tasks.Error || task.TaskClass != "Mail" || !strings.Contains(task.LastLog, "at most") {
			t.Errorf("%s: %s, %s", id, task.State, task.LastLog)
		}
	}
	foreign := d("_id", "foreign", "taskClass", "Mail", "state", "request", "kwargs", d("a", ""))
	foreign[3].Value = d("a", strings.Repeat("x", 16<<20-len(kwargs(t, foreign))))
	id := insertRaw(t, collection(s), foreign)
	if _, err := s.Adopt(t.Context(), id); err != tasks.ErrNotFound {
		t.Errorf("adopting: %v", err)
	}
	if task := get(t, s, id); task.State != tasks.Error || !strings.Contains(task.LastLog, "kwargs") {
		t.Errorf("adopted: %s, %s", task.State, task.LastLog)
	}
}
