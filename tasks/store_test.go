package tasks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestInsertFillsIn(t *testing.T) {
	s := taskstest.Store(t)
	before := serverTime(t, s)
	plain := &tasks.Task{TaskClass: "Mail", State: tasks.Success, V: 99}
	later := &tasks.Task{TaskClass: "Mail", ID: anyID(t, "mine"), TsRequest: s.Clock().Add(time.Hour).Truncate(time.Millisecond).Add(time.Nanosecond)}
	if err := s.Insert(t.Context(), plain, later); err != nil {
		t.Fatal(err)
	}
	after := serverTime(t, s)
	task := get(t, s, plain.ID)
	if task.State != tasks.Request || task.V != tasks.Version || !tasks.KwargsEqual(task.Kwargs, kwargs(t, d())) || !task.TsRequest.Equal(task.TsInsert) {
		t.Errorf("%+v", task)
	}
	if task.TsInsert.After(after) || task.TsInsert.Before(before.Add(-time.Second)) {
		t.Errorf("inserted %v, the server says %v to %v", task.TsInsert, before, after)
	}
	if due := get(t, s, later.ID).TsRequest; due.Before(later.TsRequest) || !due.Equal(due.Truncate(time.Millisecond)) {
		t.Errorf("asked for %v, due %v", later.TsRequest, due)
	}
	if err := s.Insert(t.Context(), &tasks.Task{TaskClass: "Mail", ID: later.ID}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("the same _id again: %v", err)
	}
	if err := s.Insert(t.Context()); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

// The bounds of a task are checked before anything is sent: all or none.
func TestInsertRefusesAllOrNone(t *testing.T) {
	s := taskstest.Store(t)
	for field, edit := range map[string]func(*tasks.Task){
		"taskClass":   func(task *tasks.Task) { task.TaskClass = "a/b" },
		"taskName":    func(task *tasks.Task) { task.TaskName = "\xff" },
		"priority":    func(task *tasks.Task) { task.Priority = -101 },
		"maxAttempts": func(task *tasks.Task) { task.MaxAttempts = -1 },
		"tsRequest":   func(task *tasks.Task) { task.TsRequest = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"kwargs":      func(task *tasks.Task) { task.Kwargs = kwargs(t, d("a", "\xff")) },
		"_id":         func(task *tasks.Task) { task.ID = anyID(t, d("a", 1)) },
	} {
		bad := &tasks.Task{TaskClass: "Mail"}
		edit(bad)
		err := s.Insert(t.Context(), &tasks.Task{TaskClass: "Mail"}, bad)
		var invalid *tasks.InvalidError
		if !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Field, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if n := count(t, s, tasks.Filter{}); n != 0 {
		t.Errorf("%d inserted", n)
	}
}

func TestFindAndCount(t *testing.T) {
	s := taskstest.Store(t)
	var ids []tasks.ID
	for i := range 6 {
		ids = append(ids, insert(t, s, func(task *tasks.Task) {
			task.TaskClass, task.TaskName = []string{"A", "B"}[i%2], []string{"", "x"}[i/3]
		}))
	}
	finish(t, s, claim(t, s, ids[0]), tasks.Outcome{State: tasks.Success})
	none, x := "", "x"
	for name, c := range map[string]struct {
		filter tasks.Filter
		want   []int
	}{
		"all": {tasks.Filter{}, []int{5, 4, 3, 2, 1, 0}}, "class": {tasks.Filter{TaskClass: "A"}, []int{4, 2, 0}},
		"no name": {tasks.Filter{TaskName: &none}, []int{2, 1, 0}}, "name": {tasks.Filter{TaskName: &x, TaskClass: "B"}, []int{5, 3}},
		"states":    {tasks.Filter{States: []tasks.State{tasks.Success, tasks.Error}}, []int{0}},
		"processor": {tasks.Filter{Processor: "host-1"}, []int{0}}, "limit": {tasks.Filter{Limit: 2}, []int{5, 4}},
		"page": {tasks.Filter{Limit: 2, Before: ids[4]}, []int{3, 2}}, "operator": {tasks.Filter{TaskClass: "$ne"}, nil},
	} {
		found, err := s.Find(t.Context(), c.filter)
		if err != nil || found == nil || len(found) != len(c.want) {
			t.Errorf("%s: %d found, %v", name, len(found), err)
			continue
		}
		for i, w := range c.want {
			if found[i].ID != ids[w] {
				t.Errorf("%s: %d is %s", name, i, found[i].ID)
			}
		}
		if c.filter.Limit == 0 {
			if n := count(t, s, c.filter); n != int64(len(c.want)) {
				t.Errorf("%s: counted %d", name, n)
			}
		}
	}
	for _, bad := range []tasks.Filter{{Limit: -1}, {Limit: 10_001}, {States: []tasks.State{"bogus"}}} {
		_, err := s.Find(t.Context(), bad)
		var invalid *tasks.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := s.Count(t.Context(), tasks.Filter{States: []tasks.State{"$where"}}); err == nil {
		t.Error("counting an unknown state")
	}
	if _, err := s.Get(t.Context(), tasks.NewID()); err != tasks.ErrNotFound {
		t.Errorf("a task that is not there: %v", err)
	}
}

// One document that somebody wrote badly must not hide the others.
func TestFindListsMalformed(t *testing.T) {
	s := bareStore(t)
	good := insert(t, s)
	bad := insertRaw(t, collection(s), d("taskClass", "Mail", "taskName", 5, "state", "request", "kwargs", "x", "priority", "high",
		"tsRequest", "today", "errors", 1, "claim", "x", "schedule", 3, "attempt", 1e300, "lastLog", "kept"))
	found, err := s.Find(t.Context(), tasks.Filter{TaskClass: "Mail"})
	if err != nil || len(found) != 2 || found[0].ID != bad || found[1].ID != good {
		t.Fatalf("%+v, %v", found, err)
	}
	if task := found[0]; task.TaskClass != "Mail" || task.State != tasks.Request || task.LastLog != "kept" || task.Kwargs != nil || task.Attempt != 0 {
		t.Errorf("%+v", task)
	}
}

func TestServerClock(t *testing.T) {
	s := taskstest.Store(t)
	for range 20 {
		now, err := s.Now(t.Context())
		if after := serverTime(t, s); err != nil || now.After(after) || after.Sub(now) > 5*time.Second {
			t.Errorf("%v, and then the server says %v, %v", now, after, err)
		}
	}
	if jumped, err := s.SyncClock(t.Context()); err != nil || jumped {
		t.Errorf("jumped %v, %v", jumped, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.SyncClock(ended); err == nil {
		t.Error("an ended context was no error")
	}
}

func TestSecondaryPreferredURI(t *testing.T) {
	// Reads must not follow a URI that prefers secondaries, nor writes one that
	// asks for less than the majority; both are set on the collections.
	uri := taskstest.URI(t)
	sep := "?"
	if strings.Contains(uri, "?") {
		sep = "&"
	}
	_, commands := monitored(t, uri+sep+"readPreference=secondaryPreferred&w=1", func(s *tasks.Store) {
		id := insert(t, s)
		get(t, s, id)
		claim(t, s, id)
	})
	for _, c := range commands {
		if w, err := c.LookupErr("writeConcern", "w"); err == nil && w.StringValue() != "majority" {
			t.Errorf("a write with %v", c)
		}
		if mode, err := c.LookupErr("$readPreference", "mode"); err == nil && mode.StringValue() != "primary" {
			t.Errorf("a read with %v", c)
		}
	}
}
