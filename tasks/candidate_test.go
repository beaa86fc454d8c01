package tasks_test

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func candidates(t testing.TB, s *tasks.Store, q tasks.Query) []tasks.Candidate {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	cs, err := s.Candidates(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

func TestCandidatesOrder(t *testing.T) {
	s := taskstest.Store(t)
	base := s.Clock().Add(-time.Hour).Truncate(time.Millisecond)
	var want []string
	for _, c := range []struct {
		priority int
		ago      time.Duration // before base
	}{{100, 0}, {5, 9}, {5, 3}, {0, 30}, {0, 20}, {0, 10}, {-1, 99}, {-100, 500}} {
		want = append(want, insertRaw(t, collection(s), d("taskClass", []string{"A", "B"}[len(want)%2], "taskName", "", "state", "request",
			"priority", c.priority, "tsInsert", base, "tsRequest", base.Add(-c.ago*time.Second))).String())
	}
	insertRaw(t, collection(s), d("taskClass", "C", "taskName", "", "state", "request", "priority", 9, "tsInsert", base, "tsRequest", base))
	insert(t, s, func(task *tasks.Task) { task.TaskClass, task.TsRequest = "A", s.Clock().Add(time.Hour) })
	var got []string
	for _, c := range candidates(t, s, tasks.Query{Classes: []string{"A", "B", "none"}}) {
		got = append(got, c.ID.String())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("order\n%v, want\n%v", got, want)
	}
	if cs := candidates(t, s, tasks.Query{Classes: []string{"A", "B"}, Limit: 3}); len(cs) != 3 || cs[0].ID.String() != want[0] {
		t.Errorf("limited to 3: %v", cs)
	}
	if cs := candidates(t, s, tasks.Query{Classes: []string{"none"}}); len(cs) != 0 {
		t.Errorf("of no class: %v", cs)
	}
}

func TestCandidatesLeaveOutBlockedNames(t *testing.T) {
	s := taskstest.Store(t)
	for _, name := range []string{"a", "b", ""} {
		insert(t, s, func(task *tasks.Task) {
			if task.TaskName = name; name != "" {
				task.PendingKey = tasks.Key("Mail", name)
			}
		})
	}
	for _, c := range candidates(t, s, tasks.Query{Classes: []string{"Mail"}, Blocked: []string{"Mail/a", "Mail/x"}}) {
		if c.TaskName == "a" {
			t.Error("a blocked name is a candidate")
		}
		if c.Keyed() != (c.TaskName == "b") {
			t.Errorf("keyed: %v, %+v", c.Keyed(), c)
		}
	}
}

// A look may leave out tasks of which nearly all processes have died that may.
func TestCandidatesWithoutLastChances(t *testing.T) {
	s := taskstest.Store(t)
	for crashes := range tasks.MaxCrashes {
		task := insert(t, s)
		if _, err := collection(s).UpdateByID(t.Context(), task, d("$set", d("crashes", crashes))); err != nil {
			t.Fatal(err)
		}
	}
	insert(t, s) // without the field
	for without, want := range map[bool]int{false: 4, true: 3} {
		cs := candidates(t, s, tasks.Query{Classes: []string{"Mail"}, NoLastChance: without})
		if len(cs) != want {
			t.Errorf("%d candidates, want %d", len(cs), want)
		}
		for _, c := range cs {
			if without && c.Crashes >= tasks.MaxCrashes-1 {
				t.Errorf("%d crashes", c.Crashes)
			}
		}
	}
}

// Every state but request, and states nobody knows, are no candidates.
func TestCandidatesOfStates(t *testing.T) {
	s := taskstest.Store(t)
	past := bson.NewDateTimeFromTime(time.Now().Add(-time.Hour))
	for _, state := range []any{"working", "kill", "success", "error", "aborted", "bogus", "Request", "", 5, nil} {
		id := insertRaw(t, collection(s), d("taskClass", "A", "taskName", "", "state", state, "priority", 0, "tsInsert", past, "tsRequest", past))
		if _, err := s.Candidate(t.Context(), id); err != tasks.ErrNotFound {
			t.Errorf("state %v: candidate with %v", state, err)
		}
		if _, err := s.Adopt(t.Context(), id); err != tasks.ErrNotFound {
			t.Errorf("state %v: adopted with %v", state, err)
		}
		if won, err := s.ClaimMany(t.Context(), []tasks.ID{id}, []string{"p"}, tasks.NewClaim("p", "h")); err != nil || len(won) != 0 {
			t.Errorf("state %v: claimed %v, %v", state, won, err)
		}
	}
	if cs := candidates(t, s, tasks.Query{Classes: []string{"A"}}); len(cs) != 0 {
		t.Errorf("candidates %v", cs)
	}
	if ids, err := s.Foreign(t.Context(), []string{"A"}, 100); err != nil || len(ids) != 0 {
		t.Errorf("foreign %v, %v", ids, err)
	}
	if due, err := s.Upcoming(t.Context(), time.UnixMilli(0), 100); err != nil || len(due) != 0 {
		t.Errorf("upcoming %v, %v", due, err)
	}
}

// A sweep completes or ends what it meets; neither may hide the good ones.
func TestCandidatesMeetHandWrittenTasks(t *testing.T) {
	s := taskstest.Store(t)
	past := bson.NewDateTimeFromTime(time.Now().Add(-time.Hour))
	noName := insertRaw(t, collection(s), d("taskClass", "A", "state", "request", "priority", 3, "tsRequest", past))
	bad := insertRaw(t, collection(s), d("taskClass", "A", "state", "request", "priority", 2.5, "tsRequest", past, "taskName", "", "tsInsert", past))
	good := insert(t, s, func(task *tasks.Task) { task.TaskClass = "A" })
	cs := candidates(t, s, tasks.Query{Classes: []string{"A"}})
	if len(cs) != 2 || cs[0].ID != noName || cs[1].ID != good {
		t.Errorf("candidates %+v, want %s and %s", cs, noName, good)
	}
	if task := get(t, s, noName); task.V != tasks.Version || task.TsInsert.IsZero() || task.Priority != 3 {
		t.Errorf("completed: %+v", task)
	}
	if task := get(t, s, bad); task.State != tasks.Error || !strings.Contains(task.LastLog, "priority") || !strings.Contains(task.LastLog, "2.5") {
		t.Errorf("malformed: %+v", task)
	}
}

// Malformed tasks in front neither shorten the answer nor come back in it.
func TestCandidatesBehindMalformedOnes(t *testing.T) {
	s := taskstest.Store(t)
	const n = 3
	past := s.Clock().Add(-time.Hour)
	for range n {
		insertRaw(t, collection(s), bson.D{
			{Key: "_id", Value: bson.NewObjectID()}, {Key: "taskClass", Value: "Mail"}, {Key: "taskName", Value: ""}, {Key: "state", Value: "request"},
			{Key: "priority", Value: 5}, {Key: "tsInsert", Value: past}, {Key: "tsRequest", Value: past}, {Key: "attempt", Value: -1},
		})
		insert(t, s)
	}
	cs, err := s.Candidates(t.Context(), tasks.Query{Classes: []string{"Mail"}, Limit: n})
	if err != nil || len(cs) != n {
		t.Errorf("%d of %d candidates, %v", len(cs), n, err)
	}
	if ended := count(t, s, tasks.Filter{States: []tasks.State{tasks.Error}}); ended != n {
		t.Errorf("%d of %d malformed tasks have ended", ended, n)
	}
}

func TestCandidateDue(t *testing.T) {
	now := time.UnixMilli(1e12)
	for _, c := range []struct {
		insert, request time.Duration // from now
		want            bool
	}{
		{-time.Hour, 0, true},
		{-time.Hour, time.Millisecond, false},
		{50 * time.Millisecond, 50 * time.Millisecond, true},
		{50 * time.Millisecond, 51 * time.Millisecond, false},
		{time.Second, time.Second, false}, // inserted by hand, by a wrong clock
		{time.Second, 0, true},
	} {
		candidate := tasks.Candidate{TsInsert: now.Add(c.insert), TsRequest: now.Add(c.request)}
		if candidate.Due(now) != c.want {
			t.Errorf("inserted %v and due %v from now: %v", c.insert, c.request, !c.want)
		}
	}
}
