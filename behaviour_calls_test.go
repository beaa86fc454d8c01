package lgtask_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

func TestWithIDMakesACallRepeatable(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	id := lgtask.NewTaskID()
	create := func(class string, kw any) (lgtask.Result, error) {
		return b.conn.CreateTask(ctx, class, kw, lgtask.WithID(id))
	}
	b.made(true)(create("Probe", bson.D{{Key: "n", Value: 1}, {Key: "s", Value: "x"}}))
	if got := b.made(false)(create("Probe", bson.D{{Key: "s", Value: "x"}, {Key: "n", Value: 1.0}})); got != id {
		t.Errorf("the call returned %s, want %s", got, id)
	}
	b.made(false)(b.conn.DelayedTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": 1, "s": "x"}, lgtask.WithID(id)))
	b.drain(b.start(1))
	b.next()
	b.made(false)(create("Probe", bson.M{"n": 1, "s": "x"})) // it has run meanwhile
	_, err := create("Probe", bson.M{"n": 2})
	b.refused(err, lgtask.ErrTaskExists, id.String(), "Probe")
	_, err = create("Other", bson.M{"n": 1, "s": "x"})
	b.refused(err, lgtask.ErrTaskExists, id.String(), "Probe")
	if n := len(b.of("")); n != 1 {
		t.Errorf("%d tasks, want 1", n)
	}
	_, err = b.conn.CreateTask(ctx, "Probe", nil, lgtask.WithID(lgtask.TaskID{}))
	b.refused(err, lgtask.ErrInvalidTask, "WithID")
	text, err := lgtask.ParseTaskID("order-17")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.made(true)(b.conn.CreateTask(ctx, "Probe", nil, lgtask.WithID(text))); got != text || got.String() != "order-17" {
		t.Errorf("the ID is %s", got)
	}
}

func TestOptionsThatACallDoesNotHaveAreRefused(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	all := map[string]lgtask.TaskOption{
		"WithTaskName": lgtask.WithTaskName("x"), "WithPriority": lgtask.WithPriority(1), "WithMaxAttempts": lgtask.WithMaxAttempts(2),
		"WithID": lgtask.WithID(lgtask.NewTaskID()), "StartAt": lgtask.StartAt(lgtask.Now()), "FromStart": lgtask.FromStart(), "Replace": lgtask.Replace(),
	}
	hour := lgtask.In(time.Hour)
	for call, c := range map[string]struct {
		do  func(...lgtask.TaskOption) (lgtask.Result, error)
		has string
	}{
		"CreateTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) { return b.conn.CreateTask(ctx, "A", nil, o...) }, "WithTaskName WithPriority WithMaxAttempts WithID"},
		"DelayedTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.DelayedTask(ctx, hour, "B", nil, o...)
		}, "WithTaskName WithPriority WithMaxAttempts WithID"},
		"BatchTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.BatchTask(ctx, hour, "C", nil, o...)
		}, "WithTaskName WithPriority WithMaxAttempts"},
		"IntervalTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.IntervalTask(ctx, hour, "D", nil, o...)
		}, "WithTaskName WithPriority StartAt FromStart Replace"},
		"CronTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) {
			return b.conn.CronTask(ctx, "@daily", "E", nil, o...)
		}, "WithTaskName WithPriority Replace"},
		"UnscheduleTask": {func(o ...lgtask.TaskOption) (lgtask.Result, error) { return b.conn.UnscheduleTask(ctx, "D", o...) }, "WithTaskName"},
	} {
		var given []lgtask.TaskOption
		for name, option := range all {
			if strings.Contains(c.has, name) {
				if name == "WithID" {
					option = lgtask.WithID(lgtask.NewTaskID())
				}
				given = append(given, option)
				continue
			}
			_, err := c.do(option)
			b.refused(err, lgtask.ErrInvalidTask, call, name, "WithTaskName")
		}
		if _, err := c.do(given...); err != nil {
			t.Errorf("%s refuses options of its own: %v", call, err)
		}
	}
	for _, n := range []int{0, -1} {
		_, err := b.conn.CreateTask(ctx, "A", nil, lgtask.WithMaxAttempts(n))
		b.refused(err, lgtask.ErrInvalidTask, "max attempts")
	}
}

func TestUnusableTasksAreRefused(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	deep := bson.M{}
	for range 40 {
		deep = bson.M{"n": deep}
	}
	for name, do := range map[string]func() (lgtask.Result, error){
		"taskClass":  func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "", nil) },
		"slash":      func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "a/b", nil) },
		"white":      func() (lgtask.Result, error) { return b.conn.BatchTask(ctx, lgtask.Now(), "a b", nil) },
		"control":    func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "A", nil, lgtask.WithTaskName("a\n")) },
		"512":        func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, strings.Repeat("A", 513), nil) },
		"1048576":    func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "A", bson.M{"x": make([]byte, 2<<20)}) },
		"32 levels":  func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "A", deep) },
		"kwargs":     func() (lgtask.Result, error) { return b.conn.CreateTask(ctx, "A", 5) },
		"nil *lgtas": func() (lgtask.Result, error) { return lgtask.Create(ctx, b.conn, (*Tries)(nil)) },
		"must not":   func() (lgtask.Result, error) { return lgtask.Create(ctx, b.conn, nil) },
		"\"f\"": func() (lgtask.Result, error) {
			return b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "A", bson.M{"f": func() {}})
		},
		"unschedule": func() (lgtask.Result, error) {
			_, err := b.conn.UnscheduleTask(ctx, "a/b")
			return lgtask.Result{}, errors.Join(err, errors.New("unschedule"))
		},
	} {
		r, err := do()
		b.refused(err, lgtask.ErrInvalidTask, name)
		if r.Created {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if n, err := b.conn.CountTasks(ctx, lgtask.TaskFilter{}); err != nil || n != 0 {
		t.Errorf("%d tasks, %v", n, err)
	}
}

func TestEnqueueInTheCallersTransaction(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	p := b.start(2)
	if err := b.db.CreateCollection(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	abort := errors.New("abort")
	in := func(result error) error {
		sess, err := b.db.Client().StartSession()
		if err != nil {
			t.Fatal(err)
		}
		defer sess.EndSession(context.Background())
		_, err = sess.WithTransaction(ctx, func(ctx context.Context) (any, error) {
			if _, err := b.db.Collection("orders").InsertOne(ctx, bson.M{"order": 1}); err != nil {
				return nil, err
			}
			if err := enqueueEach(ctx, b); err != nil {
				return nil, err
			}
			return nil, result
		})
		return err
	}
	if err := in(abort); !errors.Is(err, abort) {
		t.Fatal(err)
	}
	for _, c := range []string{"tasks", "schedules", "orders"} {
		if n, err := b.db.Collection(c).CountDocuments(ctx, bson.D{}); err != nil || n != 0 {
			t.Errorf("after the abort %s holds %d documents, %v", c, n, err)
		}
	}
	b.noneRan()
	for range 2 { // the second time the names are there
		if err := in(nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if r := b.next(); r.TaskClass() != "Probe" && r.TaskClass() != "Other" {
			t.Errorf("%s ran", r.TaskClass())
		}
	}
	b.drain(p)
	if n := len(b.of("Probe", lgtask.StateSuccess)); n != 2 {
		t.Errorf("%d plain tasks ran, want 2", n)
	}
	for class, want := range map[string]int{"Solo": 1, "Other": 1, "Short": 1} {
		if n := len(b.of(class, lgtask.StateRequest)); n != want {
			t.Errorf("%d tasks of class %s wait, want %d", n, class, want)
		}
	}
}

// enqueueEach does one call of each kind.
func enqueueEach(ctx context.Context, b *bundle) error {
	_, err := b.conn.CreateTask(ctx, "Probe", nil)
	_, err2 := b.conn.BatchTask(ctx, lgtask.In(time.Hour), "Solo", nil)
	_, err3 := b.conn.IntervalTask(ctx, lgtask.In(time.Hour), "Other", nil)
	_, err4 := b.conn.CronTask(ctx, "@yearly", "Short", nil)
	_, err5 := b.conn.UnscheduleTask(ctx, "Loop")
	return errors.Join(err, err2, err3, err4, err5)
}

func TestFirstCallOfAllInATransaction(t *testing.T) {
	b := setup(t)
	err := b.db.Client().UseSession(t.Context(), func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) {
			return nil, enqueueEach(ctx, b)
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.of("")); n != 4 {
		t.Errorf("%d tasks, want 4", n)
	}
}

func TestEveryCallIsSafeToRepeat(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	hour := lgtask.In(time.Hour)
	id := lgtask.NewTaskID()
	for range 3 {
		b.ok(b.conn.CreateTask(ctx, "Probe", nil, lgtask.WithID(id)))
		b.ok(b.conn.BatchTask(ctx, hour, "Probe", nil))
		b.ok(b.conn.IntervalTask(ctx, hour, "Other", nil))
		b.ok(b.conn.IntervalTask(ctx, hour, "Short", nil, lgtask.Replace()))
		b.ok(b.conn.CronTask(ctx, "@yearly", "Solo", nil))
	}
	if n := len(b.of("")); n != 5 {
		t.Errorf("%d tasks, want 5", n)
	}
	for range 3 {
		for _, class := range []string{"Probe", "Other", "Short", "Solo"} {
			b.ok(b.conn.UnscheduleTask(ctx, class))
		}
	}
	if left := b.of("", lgtask.StateRequest); len(left) != 1 || left[0].ID != id {
		t.Errorf("left are %+v", left)
	}
}

func TestReads(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	_, err := b.conn.Task(ctx, lgtask.NewTaskID())
	b.refused(err, lgtask.ErrNotFound)
	if ts, err := b.conn.Tasks(ctx, lgtask.TaskFilter{}); err != nil || len(ts) != 0 {
		t.Errorf("of no database: %v, %v", ts, err)
	}
	var newest lgtask.TaskID
	for i := range 5 {
		newest = b.ok(b.conn.CreateTask(ctx, "Probe", bson.M{"n": i}, lgtask.WithTaskName([]string{"a", "b"}[i%2])))
	}
	name := "a"
	if ts, err := b.conn.Tasks(ctx, lgtask.TaskFilter{TaskName: &name}); err != nil || len(ts) != 3 || ts[0].ID != newest {
		t.Errorf("by name: %d tasks, %v", len(ts), err)
	}
	if n, err := b.conn.CountTasks(ctx, lgtask.TaskFilter{TaskClass: "Probe", States: []lgtask.State{lgtask.StateRequest}}); err != nil || n != 5 {
		t.Errorf("%d tasks, %v", n, err)
	}
	_, err = b.conn.Tasks(ctx, lgtask.TaskFilter{States: []lgtask.State{"done"}})
	b.refused(err, lgtask.ErrInvalidTask, "done")
	_, err = b.conn.CountTasks(ctx, lgtask.TaskFilter{States: []lgtask.State{"done"}})
	b.refused(err, lgtask.ErrInvalidTask, "done")
	if logs, err := b.conn.Logs(ctx, newest); err != nil || len(logs) != 0 {
		t.Errorf("logs: %v, %v", logs, err)
	}
}
