package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func ready(t testing.TB, s *tasks.Store, task *tasks.Task) tasks.Doc {
	t.Helper()
	doc, err := s.Ready(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if doc.ID != task.ID || doc.ID.IsZero() || doc.Size() < 50 {
		t.Errorf("%s with %d bytes, of task %s", doc.ID, doc.Size(), task.ID)
	}
	return doc
}

// One document that the server refuses stops none of the others.
func TestInsertDocsTellsOfEach(t *testing.T) {
	s := taskstest.Store(t)
	there := insert(t, s)
	var docs []tasks.Doc
	for i := range 10 {
		task := &tasks.Task{TaskClass: "Mail", TaskName: fmt.Sprint(i)}
		if i%4 == 1 {
			task.ID = there
		}
		docs = append(docs, ready(t, s, task))
	}
	errs := s.InsertDocs(t.Context(), docs)
	if len(errs) != len(docs) {
		t.Fatalf("%d errors for %d documents", len(errs), len(docs))
	}
	for i, err := range errs {
		if refused := i%4 == 1; refused != mongo.IsDuplicateKeyError(err) || refused != (err != nil) || tasks.OutcomeUnknown(err) {
			t.Errorf("document %d: %v", i, err)
		}
		if task := get(t, s, docs[i].ID); i%4 != 1 && task.TaskName != fmt.Sprint(i) {
			t.Errorf("document %d: %+v", i, task)
		}
	}
	if errs := s.InsertDocs(t.Context(), docs[1:2]); len(errs) != 1 || !mongo.IsDuplicateKeyError(errs[0]) {
		t.Errorf("one alone: %v", errs)
	}
	if errs := s.InsertDocs(t.Context(), nil); errs != nil {
		t.Errorf("nothing: %v", errs)
	}
	if errs := s.InsertDocs(t.Context(), []tasks.Doc{ready(t, s, &tasks.Task{TaskClass: "Mail"}), ready(t, s, &tasks.Task{TaskClass: "Mail"})}); errs != nil {
		t.Errorf("good ones: %v", errs)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.InsertDocs(ended, docs) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("of an ended context: %v", err)
		}
	}
}

func TestOutcomeUnknown(t *testing.T) {
	unconfirmed := &mongo.WriteConcernError{Code: 64}
	duplicate := mongo.WriteErrors{{Code: 11000}}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none":                    {nil, false},
		"refused":                 {mongo.WriteException{WriteErrors: duplicate}, false},
		"not confirmed":           {mongo.WriteException{WriteConcernError: unconfirmed}, true},
		"neither":                 {mongo.WriteException{WriteErrors: duplicate, WriteConcernError: unconfirmed}, true},
		"never sent":              {topology.ServerSelectionError{Wrapped: context.DeadlineExceeded}, false},
		"no connection free":      {topology.WaitQueueTimeoutError{Wrapped: context.Canceled}, false},
		"client closed":           {mongo.ErrClientDisconnected, false},
		"not allowed":             {mongo.CommandError{Code: 13}, false},
		"interrupted":             {mongo.CommandError{Code: 11601}, true},
		"time is up":              {mongo.CommandError{Code: 50, Labels: []string{"RetryableWriteError"}}, true},
		"connection lost":         {mongo.CommandError{Labels: []string{"NetworkError"}}, true},
		"context":                 {context.Canceled, true},
		"in the middle of others": {fmt.Errorf("x: %w", mongo.CommandError{Code: 18}), false},
	} {
		if got := tasks.OutcomeUnknown(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestGetMany(t *testing.T) {
	s := taskstest.Store(t)
	var ids []tasks.ID
	for range 1200 {
		ids = append(ids, tasks.NewID())
	}
	for _, i := range []int{0, 999, 1000, 1199} {
		insert(t, s, func(task *tasks.Task) { task.ID, task.Kwargs = ids[i], kwargs(t, d("i", i)) })
	}
	found, err := s.GetMany(t.Context(), ids)
	if err != nil || len(found) != 4 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for _, i := range []int{0, 999, 1000, 1199} {
		if task := found[ids[i]]; task.TaskClass != "Mail" || !tasks.KwargsEqual(task.Kwargs, kwargs(t, d("i", i))) {
			t.Errorf("%d: %+v", i, task)
		}
	}
}
