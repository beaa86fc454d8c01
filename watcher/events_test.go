package watcher

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestInsertedAndGivenBack(t *testing.T) {
	t.Parallel()
	r := watch(t, taskstest.DB(t))
	id := r.insert(t, 1)[0]
	ev := r.event(t, tasks.Inserted)
	if ev.ID != id || ev.Foreign || ev.Candidate == nil || ev.Candidate.ID != id || ev.TaskClass != "Watched" {
		t.Errorf("inserted: %+v", ev)
	}
	cl := tasks.NewClaim("host-0", "epoch")
	if v, err := r.store.Claim(t.Context(), *ev.Candidate, cl, "", ""); v != tasks.Won || err != nil {
		t.Fatal(v, err)
	}
	held := tasks.Held{Candidate: *ev.Candidate, Claim: cl}
	if err := r.store.Finish(t.Context(), held, tasks.Outcome{State: tasks.Request, LastLog: "again"}); err != nil {
		t.Fatal(err)
	}
	if ev := r.event(t, tasks.Changed); ev.ID != id {
		t.Errorf("given back: %+v", ev)
	}
	r.stop() // an event is counted after it was handled
	if n := r.w.Stats().Events; n != 2 {
		t.Errorf("%d events; the claim must be none", n)
	}
}

func TestMovedKilledFreed(t *testing.T) {
	t.Parallel()
	r := watch(t, taskstest.DB(t))
	key := tasks.Key("Watched", "x")
	run := func(in time.Duration) *tasks.Task {
		return &tasks.Task{TaskClass: "Watched", TaskName: "x", PendingKey: key, TsRequest: time.Now().Add(in)}
	}
	id, _, err := r.store.InsertNamed(t.Context(), run(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	c := r.event(t, tasks.Inserted).Candidate
	if _, created, err := r.store.InsertNamed(t.Context(), run(-time.Hour)); created || err != nil {
		t.Fatal(created, err)
	}
	if ev := r.event(t, tasks.Changed); ev.ID != id {
		t.Errorf("moved: %+v", ev)
	}
	cl := tasks.NewClaim("host-0", "epoch")
	if v, err := r.store.Claim(t.Context(), *c, cl, key, ""); v != tasks.Won || err != nil {
		t.Fatal(v, err)
	}
	coll := r.store.Database().Collection("tasks")
	if _, err := coll.UpdateByID(t.Context(), id, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: tasks.Kill}}}}); err != nil {
		t.Fatal(err)
	}
	if ev := r.event(t, tasks.Killed); ev.ID != id {
		t.Errorf("killed: %+v", ev)
	}
	if err := r.store.Finish(t.Context(), tasks.Held{Candidate: *c, Claim: cl, Key: key}, tasks.Outcome{State: tasks.Success}); err != nil {
		t.Fatal(err)
	}
	if ev := r.event(t, tasks.Freed); ev.Key != key {
		t.Errorf("freed: %+v", ev)
	}
}

// TestLargeDocuments: what anybody may insert must not end the stream, however
// large it is.
func TestLargeDocuments(t *testing.T) {
	r := watch(t, taskstest.DB(t))
	large := strings.Repeat("x", 15_900_000)
	for _, field := range []bson.E{
		{Key: "note", Value: large},
		{Key: "kwargs", Value: bson.D{{Key: "text", Value: large}}},
		{Key: "taskName", Value: large},
	} {
		doc := bson.D{{Key: "_id", Value: field.Key}, {Key: "taskClass", Value: "Watched"}, {Key: "state", Value: tasks.Request}, field}
		if _, err := r.store.Database().Collection("tasks").InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
		if ev := r.event(t, tasks.Inserted); ev.ID.String() != field.Key || !ev.Foreign {
			t.Errorf("%s: %+v", field.Key, ev)
		}
	}
	if got := r.w.Stats(); got.Openings != 1 {
		t.Errorf("the stream ended: %+v", got)
	}
}

// TestUnrelatedWrites: changes that the stream leaves out do not end the server's
// wait early, so that they are no reason to give the stream up.
func TestUnrelatedWrites(t *testing.T) {
	t.Parallel()
	r := watch(t, taskstest.DB(t))
	id := r.insert(t, 1)[0]
	coll := r.store.Database().Collection("tasks")
	for range 500 {
		if _, err := coll.UpdateByID(t.Context(), id, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}); err != nil {
			t.Fatal(err)
		}
	}
	ids := r.insert(t, 1)
	r.missesNone(t, ids)
	r.stop()
	if got := r.w.Stats(); got.Openings != 1 || got.Events != 2 {
		t.Errorf("stats: %+v", got)
	}
}
