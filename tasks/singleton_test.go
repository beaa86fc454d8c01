package tasks_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestRefuseSingleton(t *testing.T) {
	s := taskstest.Store(t)
	const key = "Mail/"
	with := func(kw bson.Raw) tasks.Candidate {
		return candidate(t, s, insert(t, s, func(task *tasks.Task) { task.Kwargs = kw }))
	}
	refuse := func(c tasks.Candidate) bool {
		t.Helper()
		refused, err := s.RefuseSingleton(t.Context(), c, key)
		if err != nil {
			t.Fatal(err)
		}
		return refused
	}
	small, large := kwargs(t, d("a", 1)), kwargs(t, d("a", 1, "pad", strings.Repeat("x", tasks.InlineKwargs)))
	if c := with(small); refuse(c) || get(t, s, c.ID).State != tasks.Request {
		t.Error("refused though nothing is going")
	}
	for _, kw := range []bson.Raw{small, large} {
		c := with(kw)
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("p", "h"), Key: key}
		if v, err := s.Claim(t.Context(), c, h.Claim, key, ""); v != tasks.Won || err != nil {
			t.Fatalf("%d, %v", v, err)
		}
		same, other := with(kw), with(kwargs(t, d("a", 2)))
		for _, c := range []tasks.Candidate{same, other} {
			if v, err := s.Claim(t.Context(), c, tasks.NewClaim("q", "h"), key, ""); v != tasks.Blocked || err != nil {
				t.Errorf("a second run of a singleton: %d, %v", v, err)
			}
			if !refuse(c) {
				t.Error("not refused")
			}
		}
		if task := get(t, s, same.ID); task.State != tasks.Aborted || !strings.Contains(task.LastLog, "already running") || !strings.Contains(task.LastLog, h.ID.String()) || len(task.Errors) != 0 {
			t.Errorf("same kwargs: %s, %q", task.State, task.LastLog)
		}
		if task := get(t, s, other.ID); task.State != tasks.Error || !strings.Contains(task.LastLog, "other kwargs") || !strings.Contains(task.LastLog, `"2"`) {
			t.Errorf("other kwargs: %s, %q", task.State, task.LastLog)
		}
		finish(t, s, h, tasks.Outcome{State: tasks.Success})
		if refuse(with(kw)) {
			t.Error("refused after the end")
		}
	}
	// Gone meanwhile, or with kwargs that cannot be: nothing is left to claim.
	h := claim(t, s, insert(t, s))
	update(t, s, h.ID, d("runningKey", key))
	if !refuse(tasks.Candidate{ID: tasks.NewID()}) {
		t.Error("a task that is gone was not refused")
	}
	bad := insertRaw(t, collection(s), d("taskClass", "Mail", "state", "request", "kwargs", "x"))
	if !refuse(tasks.Candidate{ID: bad}) || get(t, s, bad).State != tasks.Error {
		t.Errorf("malformed: %+v", get(t, s, bad))
	}
}
