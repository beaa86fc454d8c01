package tasks_test

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestPrepareIsRepeatable(t *testing.T) {
	db := taskstest.DB(t)
	together(8, func(int) {
		if err := tasks.NewStore(db, tasks.Options{}).Prepare(t.Context()); err != nil {
			t.Errorf("one of 8 at once: %v", err)
		}
	})
	s := tasks.NewStore(db, tasks.Options{})
	insert(t, s)
	for range 2 {
		if err := s.Prepare(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	specs, err := collection(s).Indexes().ListSpecifications(t.Context())
	if err != nil || len(specs) != 8 {
		t.Errorf("%d indexes with _id, %v", len(specs), err)
	}
	for _, spec := range specs {
		if unique := spec.Unique != nil && *spec.Unique; unique != (spec.Name == tasks.PendingIndex || spec.Name == tasks.RunningIndex) {
			t.Errorf("index %s: unique is %v", spec.Name, unique)
		}
	}
}

func foreignError(t *testing.T, err error, words ...string) {
	t.Helper()
	var foreign *tasks.ForeignError
	if !errors.As(err, &foreign) {
		t.Fatalf("%v, want a *ForeignError", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not name %s", err, w)
		}
	}
}

func TestPrepareRefusesForeignCollection(t *testing.T) {
	db := taskstest.DB(t)
	insertRaw(t, db.Collection("tasks"), d("title", "buy milk", "done", false))
	foreignError(t, tasks.NewStore(db, tasks.Options{}).Prepare(t.Context()), "tasks", "LGTASK_PREFIX")
	names, err := db.ListCollectionNames(t.Context(), d())
	if err != nil || len(names) != 1 {
		t.Errorf("a refused database now has %v, %v", names, err)
	}
	// A prefix keeps out of its way.
	s := tasks.NewStore(db, tasks.Options{Prefix: "lg_"})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := insert(t, s)
	if task := get(t, s, id); task.State != tasks.Request {
		t.Errorf("task %+v", task)
	}
	for name, want := range map[string]int64{"tasks": 1, "lg_tasks": 1, "lg_meta": 1} {
		if n, err := db.Collection(name).CountDocuments(t.Context(), d()); err != nil || n != want {
			t.Errorf("%s has %d documents, %v", name, n, err)
		}
	}
}

func TestPrepareRefusesNewerLayout(t *testing.T) {
	s := taskstest.Store(t)
	meta := s.Database().Collection("meta")
	for version, refused := range map[any]bool{tasks.Version: false, int64(tasks.Version + 1): true, 1e6: true} {
		if _, err := meta.UpdateOne(t.Context(), d("_id", "lgtask"), d("$set", d("version", version))); err != nil {
			t.Fatal(err)
		}
		err := s.Prepare(t.Context())
		if refused {
			foreignError(t, err, "meta", "newer", "update the program")
		} else if err != nil {
			t.Errorf("version %v: %v", version, err)
		}
	}
}

func TestPrepareReportsOtherIndex(t *testing.T) {
	for name, keys := range map[string]bson.D{
		tasks.ClaimIndex:   d("taskClass", 1),
		tasks.PendingIndex: d("pendingKey", 1), // the keys are right, but it is not unique
	} {
		db := taskstest.DB(t)
		model := mongo.IndexModel{Keys: keys, Options: options.Index().SetName(name)}
		if _, err := db.Collection("tasks").Indexes().CreateOne(t.Context(), model); err != nil {
			t.Fatal(err)
		}
		foreignError(t, tasks.NewStore(db, tasks.Options{}).Prepare(t.Context()), "tasks", name, "drop it")
		specs, err := db.Collection("tasks").Indexes().ListSpecifications(t.Context())
		if err != nil || len(specs) < 2 {
			t.Errorf("%s is gone: %v, %v", name, specs, err)
		}
	}
}

func TestValidator(t *testing.T) {
	s := taskstest.Store(t)
	for _, doc := range []bson.D{
		d("taskClass", "Hand"), d("state", "request"), d("x", 1),
		d("taskClass", "Hand", "state", "request", "priority", "high"),
		d("taskClass", "Hand", "state", "request", "attempt", bson.A{1}),
		d("taskClass", bson.A{"Hand"}, "state", "request"),
		d("taskClass", "Hand", "state", "request", "tsRequest", bson.A{bson.DateTime(0)}),
	} {
		_, err := collection(s).InsertOne(t.Context(), doc)
		var we mongo.WriteException
		if !errors.As(err, &we) || !we.HasErrorCode(121) {
			t.Errorf("%v: %v, want a validation failure", doc, err)
		}
	}
	for _, doc := range []bson.D{
		d("taskClass", "Hand", "state", "request"),
		d("taskClass", "Hand", "state", "request", "priority", 1.0, "attempt", int64(0), "maxAttempts", nil),
		d("taskClass", 5, "state", "request", "tsRequest", "today"),
		d("taskClass", "Hand", "state", "request", "colour", "red", "kwargs", d("a", 1)),
	} {
		insertRaw(t, collection(s), doc)
	}
}

// The text of a duplicate-key error holds the user's value; a name that looks
// like an index must not be taken for one.
func TestDuplicateKeyNamesItsIndex(t *testing.T) {
	const message = `E11000 duplicate key error collection: lg.tasks index: lgtask_pendingKey dup key: { pendingKey: "A/ index: _id_ dup index: lgtask_runningKey " }`
	for index, want := range map[string]bool{tasks.PendingIndex: true, tasks.RunningIndex: false, "_id_": false, "lgtask_pending": false} {
		if got := tasks.IndexNamed(message, index); got != want {
			t.Errorf("%s: %v", index, got)
		}
	}
	if !tasks.IndexNamed(`E11000 duplicate key error collection: lg.tasks index: _id_ dup key: { _id: 1 }`, "_id_") {
		t.Error("_id_ is not recognised")
	}
}
