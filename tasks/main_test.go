package tasks_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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

// collection is the collection tasks as another program sees it.
func collection(s *tasks.Store) *mongo.Collection { return s.Database().Collection("tasks") }

// insert adds a waiting task of class Mail, due now, changed by edits.
func insert(t testing.TB, s *tasks.Store, edits ...func(*tasks.Task)) tasks.ID {
	t.Helper()
	task := &tasks.Task{TaskClass: "Mail"}
	for _, edit := range edits {
		edit(task)
	}
	if err := s.Insert(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	return task.ID
}

// insertRaw adds a document as another program would.
func insertRaw(t testing.TB, c *mongo.Collection, doc bson.D) tasks.ID {
	t.Helper()
	if len(doc) == 0 || doc[0].Key != "_id" {
		doc = append(bson.D{{Key: "_id", Value: bson.NewObjectID()}}, doc...)
	}
	if _, err := c.InsertOne(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	return anyID(t, doc[0].Value)
}

// anyID is the ID of any value, usable or not.
func anyID(t testing.TB, v any) tasks.ID {
	t.Helper()
	typ, data, err := bson.TypeNull, []byte(nil), error(nil)
	if v != nil {
		typ, data, err = bson.MarshalValue(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	var id tasks.ID
	if err := id.UnmarshalBSONValue(byte(typ), data); err != nil {
		t.Fatal(err)
	}
	return id
}

func get(t testing.TB, s *tasks.Store, id tasks.ID) tasks.Task {
	t.Helper()
	task, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("reading task %s: %v", id, err)
	}
	return task
}

func candidate(t testing.TB, s *tasks.Store, id tasks.ID) tasks.Candidate {
	t.Helper()
	c, err := s.Candidate(t.Context(), id)
	if err != nil {
		t.Fatalf("reading candidate %s: %v", id, err)
	}
	return c
}

// claim claims a waiting task, under its name if it has a key, and expects to
// win.
func claim(t testing.TB, s *tasks.Store, id tasks.ID) tasks.Held {
	t.Helper()
	c := candidate(t, s, id)
	h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("host-1", "epoch"), StartedAt: time.Now(), Key: c.PendingKey + c.RunningKey}
	switch verdict, err := s.Claim(t.Context(), c, h.Claim, h.Key, ""); {
	case err != nil:
		t.Fatal(err)
	case verdict != tasks.Won:
		t.Fatalf("claim of %s: verdict %d", id, verdict)
	}
	return h
}

func finish(t testing.TB, s *tasks.Store, h tasks.Held, o tasks.Outcome) {
	t.Helper()
	if err := s.Finish(t.Context(), h, o); err != nil {
		t.Fatalf("finishing %s as %s: %v", h.ID, o.State, err)
	}
}

// kill asks for a running task to be stopped.
func kill(t testing.TB, s *tasks.Store, id tasks.ID) {
	t.Helper()
	update(t, s, id, bson.D{{Key: "state", Value: tasks.Kill}})
}

func update(t testing.TB, s *tasks.Store, id tasks.ID, set bson.D) {
	t.Helper()
	res, err := collection(s).UpdateByID(t.Context(), id, bson.D{{Key: "$set", Value: set}})
	if err != nil || res.MatchedCount != 1 {
		t.Fatalf("setting %v in %s: %+v, %v", set, id, res, err)
	}
}

func count(t testing.TB, s *tasks.Store, f tasks.Filter) int64 {
	t.Helper()
	n, err := s.Count(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; f(i) })
	}
	close(start)
	wg.Wait()
}

// kwargs encodes a kwargs document.
func kwargs(t testing.TB, v any) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// work claims and finishes runs of class Mail until ctx ends, and returns how
// many. before is called with each run before its end.
func work(ctx context.Context, t testing.TB, s *tasks.Store, before func(tasks.Held)) (done int) {
	for ctx.Err() == nil {
		cs, err := s.Candidates(t.Context(), tasks.Query{Classes: []string{"Mail"}, Limit: 2})
		if err != nil {
			t.Error(err)
		}
		for _, c := range cs {
			h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("p", "h"), Key: c.PendingKey + c.RunningKey}
			v, err := s.Claim(t.Context(), c, h.Claim, h.Key, "")
			if err != nil {
				t.Error(err)
			}
			if v != tasks.Won {
				continue
			}
			if before != nil {
				before(h)
			}
			if err := s.Finish(t.Context(), h, tasks.Outcome{State: tasks.Success}); err != nil {
				t.Error(err)
			}
			done++
		}
	}
	return done
}
