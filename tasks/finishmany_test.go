package tasks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// ahead claims n new tasks by one statement without naming processors, changed by
// edits before.
func ahead(t testing.TB, s *tasks.Store, n int, edits ...func(*tasks.Task)) []tasks.Held {
	t.Helper()
	ids := make([]tasks.ID, n)
	for i := range ids {
		ids[i] = insert(t, s, edits...)
	}
	return aheadOf(t, s, ids)
}

func aheadOf(t testing.TB, s *tasks.Store, ids []tasks.ID) []tasks.Held {
	t.Helper()
	held := make([]tasks.Held, len(ids))
	cl := tasks.NewClaim("", "epoch")
	for i, id := range ids {
		held[i] = tasks.Held{Candidate: candidate(t, s, id), Claim: cl, Ahead: true, StartedAt: time.Now()}
		held[i].Processor = fmt.Sprintf("host-%d", i)
	}
	if won, err := s.ClaimMany(t.Context(), ids, nil, cl); err != nil || len(won) != len(ids) {
		t.Fatalf("won %v, %v", won, err)
	}
	return held
}

// finishMany checks the answers: those at the given places are ErrFenced, the
// others nil.
func finishMany(t testing.TB, s *tasks.Store, es []tasks.Ending, fenced ...int) {
	t.Helper()
	errs, err := s.FinishMany(t.Context(), es)
	if err != nil || len(errs) != len(es) {
		t.Fatalf("%d answers to %d, %v", len(errs), len(es), err)
	}
	for i, got := range errs {
		want := error(nil)
		for _, f := range fenced {
			if f == i {
				want = tasks.ErrFenced
			}
		}
		if got != want {
			t.Errorf("end %d as %s: %v; want %v", i, es[i].State, got, want)
		}
	}
}

// shown is what an end writes.
func shown(task tasks.Task) string {
	return fmt.Sprintf("%s %q by %s, attempt %d, %d errors, holder %q, %v %v", task.State, task.LastLog, task.Processor,
		task.Attempt, len(task.Errors), task.Holder, task.TsStop.IsZero(), task.ExpireAt.IsZero())
}

var outcomes = []tasks.Outcome{
	{State: tasks.Success, LastLog: "done"},
	{State: tasks.Success, LastLog: "$$NOW"},
	{State: tasks.Error, LastLog: "bad", Failure: "bad", Spent: true},
	{State: tasks.Aborted, LastLog: "not wanted"},
	{State: tasks.Request, LastLog: "later", Failure: "bad", Spent: true, Delay: time.Hour},
	{State: tasks.Request, LastLog: "now"},
	{State: tasks.Request, Unstarted: true},
}

// FinishMany writes what Finish writes, for any mix of ends.
func TestFinishManyIsFinish(t *testing.T) {
	s := taskstest.Store(t)
	const each = 3
	var es, one []tasks.Ending
	for i, h := range ahead(t, s, len(outcomes)*each) {
		es = append(es, tasks.Ending{Held: h, Outcome: outcomes[i%len(outcomes)]})
	}
	for i, h := range ahead(t, s, len(outcomes)*each) {
		one = append(one, tasks.Ending{Held: h, Outcome: outcomes[i%len(outcomes)]})
		finish(t, s, h, one[i].Outcome)
	}
	for _, o := range outcomes { // claimed one by one
		e := tasks.Ending{Held: claim(t, s, insert(t, s)), Outcome: o}
		es = append(es, e)
		e.Held = claim(t, s, insert(t, s))
		finish(t, s, e.Held, o)
		one = append(one, e)
	}
	for range 3 { // repeated, and once more in parts
		finishMany(t, s, es)
		finishMany(t, s, es[:1])
		finishMany(t, s, es[5:9])
		for i := range es {
			got, want := get(t, s, es[i].ID), get(t, s, one[i].ID)
			if shown(got) != shown(want) {
				t.Errorf("as %+v together: %s; alone: %s", es[i].Outcome, shown(got), shown(want))
			}
			if late := got.TsRequest.After(got.TsInsert.Add(50 * time.Minute)); late != (es[i].Delay > 0) {
				t.Errorf("as %+v it is due %v after its insert", es[i].Outcome, got.TsRequest.Sub(got.TsInsert))
			}
		}
	}
	if errs, err := s.FinishMany(t.Context(), nil); len(errs) > 0 {
		t.Errorf("nothing: %v, %v", errs, err)
	}
}

// What was claimed ahead and never started waits as before, at its old place and
// with the traces of the attempt before.
func TestGivenBackUnstarted(t *testing.T) {
	s := taskstest.Store(t)
	var ids []tasks.ID
	for range 3 {
		id := insert(t, s)
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Request, LastLog: "first", Failure: "first", Spent: true})
		ids = append(ids, id)
	}
	before := map[tasks.ID]tasks.Task{}
	for _, id := range ids {
		before[id] = get(t, s, id)
	}
	taskstest.Eventually(t, "the tasks to be due", func() bool {
		cs, err := s.Candidates(t.Context(), tasks.Query{Classes: []string{"Mail"}, Limit: 10})
		return err == nil && len(cs) == len(ids)
	})
	var es []tasks.Ending
	for _, h := range aheadOf(t, s, ids) {
		h.Processor = ""
		es = append(es, tasks.Ending{Held: h, Outcome: tasks.Outcome{State: tasks.Request, Unstarted: true}})
	}
	finishMany(t, s, es)
	for _, id := range ids {
		got, want := get(t, s, id), before[id]
		if shown(got) != shown(want) || !got.TsRequest.Equal(want.TsRequest) || got.Processor != "host-1" {
			t.Errorf("%s, due %v; before %s, due %v", shown(got), got.TsRequest, shown(want), want.TsRequest)
		}
	}
}

// Among many there may be some that are gone, killed, held by somebody else or
// ended already; the others end all the same.
func TestFinishManyWithSomeThatAreNotOurs(t *testing.T) {
	s := taskstest.Store(t)
	for _, o := range outcomes {
		held := ahead(t, s, 12)
		es := make([]tasks.Ending, len(held))
		for i, h := range held {
			es[i] = tasks.Ending{Held: h, Outcome: o}
		}
		const gone, killed, others, ended = 2, 5, 7, 11
		if _, err := collection(s).DeleteOne(t.Context(), bson.D{{Key: "_id", Value: held[gone].ID}}); err != nil {
			t.Fatal(err)
		}
		kill(t, s, held[killed].ID)
		update(t, s, held[others].ID, d("claim", d("token", bson.NewObjectID()), "holder", "other"))
		finish(t, s, held[ended], tasks.Outcome{State: tasks.Success, LastLog: "before"})
		finishMany(t, s, es, gone, others)
		finishMany(t, s, es, gone, others)
		for i, h := range held {
			if i == gone {
				continue
			}
			want := map[int]tasks.State{killed: tasks.Error, others: tasks.Working, ended: tasks.Success}[i]
			if want == "" || i == killed && o.State == tasks.Success {
				want = o.State
			}
			if task := get(t, s, h.ID); task.State != want || i == ended && task.LastLog != "before" {
				t.Errorf("task %d as %+v: %s; want %s", i, o, shown(task), want)
			}
		}
	}
}

// A document by hand may have no room for its end. It is cut, the others are not.
func TestFinishManyWithALargeDocument(t *testing.T) {
	s := taskstest.Store(t)
	held := ahead(t, s, 6)
	es := make([]tasks.Ending, len(held))
	for i, h := range held {
		es[i] = tasks.Ending{Held: h, Outcome: tasks.Outcome{State: tasks.Error, LastLog: "bad", Failure: strings.Repeat("x", 2000)}}
		if i == 3 {
			update(t, s, h.ID, d("pad", strings.Repeat("x", 16<<20-700)))
		} else {
			update(t, s, h.ID, d("pad", "x"))
		}
	}
	finishMany(t, s, es)
	for i, h := range held {
		raw, err := collection(s).FindOne(t.Context(), d("_id", h.ID)).Raw()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := raw.LookupErr("pad"); (err != nil) != (i == 3) {
			t.Errorf("task %d: %v", i, err)
		}
		if task := get(t, s, h.ID); task.State != tasks.Error || len(task.Errors) != 1 {
			t.Errorf("task %d: %s", i, shown(task))
		}
	}
}

// A collection that existed before may have rules of its own. The end that they
// forbid is refused; the others are not.
func TestFinishManyWithOneThatIsRefused(t *testing.T) {
	s := taskstest.Store(t)
	rule := d("collMod", "tasks", "validationLevel", "strict", "validator", d("$nor", bson.A{d("odd", true, "state", tasks.Success)}))
	if err := s.Database().RunCommand(t.Context(), rule).Err(); err != nil {
		t.Fatal(err)
	}
	held := ahead(t, s, 9)
	es := make([]tasks.Ending, len(held))
	for i, h := range held {
		es[i] = tasks.Ending{Held: h, Outcome: tasks.Outcome{State: tasks.Success, LastLog: "done"}}
		es[i].Processor = "host-1" // all of one statement
	}
	update(t, s, held[4].ID, d("odd", true))
	errs, err := s.FinishMany(t.Context(), es)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range held {
		want := tasks.Success
		if i == 4 {
			want = tasks.Working
		}
		if task := get(t, s, h.ID); task.State != want || (errs[i] != nil) != (i == 4) || errors.Is(errs[i], tasks.ErrFenced) {
			t.Errorf("task %d is %s: %v", i, task.State, errs[i])
		}
	}
	update(t, s, held[4].ID, d("odd", false))
	finishMany(t, s, es)
	if task := get(t, s, held[4].ID); task.State != tasks.Success {
		t.Errorf("in the end it is %s", task.State)
	}
}

// Ends that no task with others may have are an error, and nothing is written.
func TestFinishManyRefusesImpossibleEnds(t *testing.T) {
	s := taskstest.Store(t)
	for _, spoil := range []func(*tasks.Ending){
		func(e *tasks.Ending) { e.State = tasks.Working }, func(e *tasks.Ending) { e.State = tasks.Kill },
		func(e *tasks.Ending) { e.State = "" }, func(e *tasks.Ending) { e.Key = "Mail/a" },
	} {
		held := ahead(t, s, 3)
		es := make([]tasks.Ending, len(held))
		for i, h := range held {
			es[i] = tasks.Ending{Held: h, Outcome: outcomes[0]}
		}
		spoil(&es[1])
		if _, err := s.FinishMany(t.Context(), es); err == nil {
			t.Errorf("an end as %q with the key %q was taken", es[1].State, es[1].Key)
		}
		for i, h := range held {
			if task := get(t, s, h.ID); task.State != tasks.Working {
				t.Errorf("task %d is %s", i, task.State)
			}
		}
	}
}
