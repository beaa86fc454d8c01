package lgtask_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestSingletonIsRefusedWhileItRuns(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.hold()
	b.start(2)
	first := b.made(true)(b.conn.CreateTask(ctx, "Solo", bson.M{"n": 1}))
	held := b.next()

	same := b.ok(b.conn.CreateTask(ctx, "Solo", bson.M{"n": 1}))
	got := b.ended(same, lgtask.StateAborted)
	b.says(got.LastLog, "already running", first.String())

	other := b.ok(b.conn.CreateTask(ctx, "Solo", bson.M{"n": 2}))
	got = b.ended(other, lgtask.StateError)
	b.says(got.LastLog, "other kwargs", first.String(), `"1"`, `"2"`, "another taskName")

	named := b.ok(b.conn.CreateTask(ctx, "Solo", bson.M{"n": 2}, lgtask.WithTaskName("two")))
	r := b.next()
	if r.ID() != named || r.TaskName() != "two" {
		t.Errorf("%s ran as %q, want %s", r.ID(), r.TaskName(), named)
	}
	r.end <- nil
	held.end <- nil
	b.ended(first, lgtask.StateSuccess)

	again := b.ok(b.conn.CreateTask(ctx, "Solo", bson.M{"n": 2}))
	b.next().end <- nil
	b.ended(again, lgtask.StateSuccess)
	b.noneRan()
}

func TestSingletonBetweenTwoAttemptsHoldsItsName(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error { return lgtask.Snooze(1 << 40) })
	b.start(1)
	first := b.ok(b.conn.CreateTask(t.Context(), "Solo", nil))
	b.next()
	b.comes(first, lgtask.StateRequest)
	second := b.ok(b.conn.CreateTask(t.Context(), "Solo", nil))
	b.ended(second, lgtask.StateAborted)
	b.noneRan()
}

func TestSingletonOfABatchWaitsInsteadOfEnding(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	first := b.ok(b.conn.CreateTask(t.Context(), "Solo", nil))
	held := b.next()
	batch := b.made(true)(b.conn.BatchTask(t.Context(), lgtask.Now(), "Solo", nil))
	// The processor has looked at the batch once it has done what came later.
	other := b.ok(b.conn.CreateTask(t.Context(), "Other", nil))
	if r := b.next(); r.ID() != other {
		t.Fatalf("%s ran beside the first", r.ID())
	} else {
		r.end <- nil
	}
	held.end <- nil
	b.ended(first, lgtask.StateSuccess)
	r := b.next()
	if r.ID() != batch {
		t.Errorf("%s ran, want %s", r.ID(), batch)
	}
	r.end <- nil
}

func TestPerDatabaseSingleton(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.hold()
	b.start(4)
	at := func(db string) bson.M { return bson.M{"db": b.db.Client().Database(db)} }

	one := b.ok(b.conn.CreateTask(ctx, "SoloDB", at("one")))
	held := b.next()
	if held.TaskName() != "one" {
		t.Errorf("the run's name is %q, want that of its database", held.TaskName())
	}
	second := b.ok(b.conn.CreateTask(ctx, "SoloDB", at("two"))) // beside the first
	if r := b.next(); r.ID() != second || r.TaskName() != "two" {
		t.Errorf("%s ran as %q", r.ID(), r.TaskName())
	}
	third := b.ok(b.conn.CreateTask(ctx, "SoloDB", at("one")))
	b.says(b.ended(third, lgtask.StateAborted).LastLog, "already running", one.String())

	// The same from a typed call, and a name that is given wins.
	typed := &SoloDB{DB: b.db.Client().Database("two")}
	fourth := b.ok(lgtask.Create(ctx, b.conn, typed))
	b.says(b.ended(fourth, lgtask.StateAborted).LastLog, second.String())
	b.ok(lgtask.Create(ctx, b.conn, typed, lgtask.WithTaskName("mine")))
	if r := b.next(); r.TaskName() != "mine" {
		t.Errorf("the run's name is %q", r.TaskName())
	}
	b.noneRan()
}

func TestPerDatabaseSingletonWithLargeKwargs(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(2)
	kw := bson.M{"db": b.db.Client().Database("one"), "fill": strings.Repeat("x", 10_000)}
	b.ok(b.conn.CreateTask(t.Context(), "SoloDB", kw))
	if r := b.next(); r.TaskName() != "one" {
		t.Errorf("the run's name is %q", r.TaskName())
	}
	second := b.ok(b.conn.CreateTask(t.Context(), "SoloDB", kw))
	b.ended(second, lgtask.StateAborted)
	b.noneRan()
}

func TestSingletonWhoseNameCannotBeComputed(t *testing.T) {
	b := setup(t)
	b.start(1)
	for _, c := range []struct {
		kwargs bson.M
		words  []string
	}{
		{nil, []string{"TaskName"}},
		{bson.M{"db": 5}, []string{`"db"`, "Database"}},
		{bson.M{"db": "mongodb://elsewhere.invalid/x"}, []string{`"db"`, "LGTASK_MONGO_HOSTS"}},
	} {
		id := b.ok(b.conn.CreateTask(t.Context(), "Careless", c.kwargs))
		b.says(b.ended(id, lgtask.StateError).LastLog, c.words...)
	}
	b.noneRan()
	id := b.ok(b.conn.CreateTask(t.Context(), "Careless", bson.M{"db": b.db}))
	b.next()
	if got := b.ended(id, lgtask.StateSuccess); got.TaskName != b.db.Name() {
		t.Errorf("the name is %q", got.TaskName)
	}
}

func TestNameByKwargs(t *testing.T) {
	for _, c := range []struct {
		values []any
		want   string
	}{
		{nil, ""},
		{[]any{"a", 1, true}, "a,1,true"},
		{[]any{"a,b", "c%"}, "a%2Cb,c%25"},
		{[]any{"a", "b,c"}, "a,b%2Cc"},
	} {
		if got := lgtask.NameByKwargs(c.values...); got != c.want {
			t.Errorf("NameByKwargs(%v) = %q, want %q", c.values, got, c.want)
		}
	}
	handles := taskstest.DB(t)
	if got := lgtask.NameByKwargs(handles, handles.Collection("c")); got != handles.Name()+","+handles.Name()+".c" {
		t.Errorf("the name of handles is %q", got)
	}
}
