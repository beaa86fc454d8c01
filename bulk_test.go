package lgtask_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// Each task of a list gets what a call of its own would have got.
func TestCreateTasksGivesEachItsResult(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	there := lgtask.NewTaskID()
	b.ok(b.conn.CreateTask(ctx, "Probe", bson.M{"n": 1}, lgtask.WithID(there)))
	mine := lgtask.NewTaskID()
	list := []lgtask.NewTask{
		{Class: "Probe", Kwargs: bson.M{"n": 2}, Options: []lgtask.TaskOption{lgtask.WithPriority(3), lgtask.WithTaskName("x")}},
		{Kwargs: Probe{N: 3}},
		{Class: "Probe", When: lgtask.In(time.Hour)},
		{Class: "a/b"},
		{Class: "Probe", Kwargs: 5},
		{Class: "Probe", When: lgtask.Text("someday")},
		{Class: "Probe", Options: []lgtask.TaskOption{lgtask.Replace()}},
		{Kwargs: bson.M{"n": 1}},
		{Class: "Probe", Kwargs: bson.M{"n": 1.0}, Options: []lgtask.TaskOption{lgtask.WithID(there)}},
		{Class: "Probe", Kwargs: bson.M{"n": 2}, Options: []lgtask.TaskOption{lgtask.WithID(there)}},
		{Class: "Probe", Options: []lgtask.TaskOption{lgtask.WithID(mine)}},
		{Class: "Probe", Options: []lgtask.TaskOption{lgtask.WithID(mine)}},
	}
	results, err := b.conn.CreateTasks(ctx, list)
	var failed *lgtask.ErrNotAllCreated
	if !errors.As(err, &failed) || failed.Failed != 6 || failed.First != 3 || failed.Of != len(list) {
		t.Fatalf("the error is %v", err)
	}
	b.refused(err, lgtask.ErrInvalidTask, "6 of 12", "number 3", "taskClass")
	for i, want := range map[int]error{
		3: lgtask.ErrInvalidTask, 4: lgtask.ErrInvalidTask, 5: lgtask.ErrInvalidTime, 6: lgtask.ErrInvalidTask, 7: lgtask.ErrInvalidTask, 9: lgtask.ErrTaskExists,
	} {
		if !errors.Is(results[i].Err, want) || results[i].Created || !results[i].ID.IsZero() {
			t.Errorf("%d: %+v, want %v", i, results[i], want)
		}
	}
	for i, created := range map[int]bool{0: true, 1: true, 2: true, 8: false, 10: true, 11: false} {
		if r := results[i]; r.Err != nil || r.Created != created || r.ID.IsZero() {
			t.Errorf("%d: %+v, want Created %v", i, r, created)
		}
	}
	b.refused(results[7].Err, lgtask.ErrInvalidTask, "taskClass")
	if task := b.task(results[0].ID); task.Priority != 3 || task.TaskName != "x" || task.Kwargs.Lookup("n").Int32() != 2 {
		t.Errorf("%+v", task)
	}
	if task := b.task(results[1].ID); task.TaskClass != "Probe" || task.Kwargs.Lookup("n").Int32() != 3 {
		t.Errorf("%+v", task)
	}
	if task := b.task(results[2].ID); task.TsRequest.Sub(task.TsInsert) < time.Hour {
		t.Errorf("%+v", task)
	}
	if results[8].ID != there || results[10].ID != mine || results[11].ID != mine {
		t.Errorf("%+v", results)
	}
	if n := len(b.of("")); n != 5 {
		t.Errorf("%d tasks, want 5", n)
	}
}

func TestCreateTasksInSeveralCommands(t *testing.T) {
	b := setup(t)
	large := make([]byte, 900_000)
	list := make([]lgtask.NewTask, 2345)
	for i := range list {
		list[i] = lgtask.NewTask{Class: "Probe", Kwargs: bson.M{"n": i}}
		if i%200 == 0 {
			list[i].Kwargs = bson.M{"n": i, "x": large}
		}
	}
	list[1234].Class = ""
	list[1234].Kwargs = nil
	results, err := b.conn.CreateTasks(t.Context(), list)
	b.refused(err, lgtask.ErrInvalidTask, "1 of 2345", "number 1234")
	ids := map[lgtask.TaskID]bool{}
	for i, r := range results {
		if (r.Err == nil) != (i != 1234) || r.Created != (i != 1234) {
			t.Errorf("%d: %+v", i, r)
		}
		ids[r.ID] = true
	}
	n, err := b.conn.CountTasks(t.Context(), lgtask.TaskFilter{TaskClass: "Probe"})
	if err != nil || n != 2344 || len(ids) != 2345 {
		t.Errorf("%d tasks, %d IDs, %v", n, len(ids), err)
	}
	for _, i := range []int{0, 1, 99, 100, 1000, 2344} {
		if got := b.task(results[i].ID).Kwargs.Lookup("n").Int32(); int(got) != i {
			t.Errorf("result %d is of task %d", i, got)
		}
	}
	if results, err := b.conn.CreateTasks(t.Context(), nil); err != nil || len(results) != 0 {
		t.Errorf("of nothing: %v, %v", results, err)
	}
}

func TestCreateTasksThatAreGivenUp(t *testing.T) {
	b := setup(t)
	b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := b.conn.CreateTasks(ended, make([]lgtask.NewTask, 3))
	var unknown *lgtask.ErrUnknownOutcome
	if !errors.Is(err, context.Canceled) || errors.As(err, &unknown) || len(results) != 3 {
		t.Errorf("%v, %v", results, err)
	}
}

// transact runs f in a transaction of the test's client.
func (b *bundle) transact(f func(context.Context) error) error {
	b.Helper()
	return b.db.Client().UseSession(b.Context(), func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) { return nil, f(ctx) })
		return err
	})
}

// In a transaction a list is created whole or not at all, and a list that is
// refused does not abort what else the transaction does.
func TestCreateTasksInATransaction(t *testing.T) {
	b := setup(t)
	there := lgtask.NewTaskID()
	b.ok(b.conn.CreateTask(t.Context(), "Probe", nil, lgtask.WithID(there)))
	good := make([]lgtask.NewTask, 1500)
	for i := range good {
		good[i] = lgtask.NewTask{Class: "Other", Kwargs: bson.M{"n": i}}
	}
	good[7] = lgtask.NewTask{Class: "Probe", Options: []lgtask.TaskOption{lgtask.WithID(there)}}
	good[8].Options = []lgtask.TaskOption{lgtask.WithID(lgtask.NewTaskID())}
	good[9] = good[8] // the same again
	bad := append(good[:len(good):len(good)], lgtask.NewTask{Class: "a/b"})
	taken := append(good[:len(good):len(good)], lgtask.NewTask{Class: "Other", Options: []lgtask.TaskOption{lgtask.WithID(there)}})
	err := b.transact(func(ctx context.Context) error {
		for _, c := range []struct {
			list []lgtask.NewTask
			want error
		}{{bad, lgtask.ErrInvalidTask}, {taken, lgtask.ErrTaskExists}} {
			results, err := b.conn.CreateTasks(ctx, c.list)
			b.refused(err, c.want, fmt.Sprintf("1 of %d", len(c.list)))
			for i, r := range results {
				if r.Created || r.Err == nil && i != 7 && i != 9 {
					t.Errorf("%d: %+v", i, r)
				}
			}
		}
		results, err := b.conn.CreateTasks(ctx, good)
		for i, r := range results {
			if r.Err != nil || r.ID.IsZero() || r.Created != (i != 7 && i != 9) {
				t.Errorf("%d: %+v", i, r)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.conn.CountTasks(t.Context(), lgtask.TaskFilter{}); err != nil || n != 1499 {
		t.Errorf("%d tasks, %v; want 1499", n, err)
	}
	abort := errors.New("abort")
	if err := b.transact(func(ctx context.Context) error {
		if _, err := b.conn.CreateTasks(ctx, []lgtask.NewTask{{Class: "Short"}, {Class: "Short"}}); err != nil {
			return err
		}
		return abort
	}); !errors.Is(err, abort) {
		t.Fatal(err)
	}
	if n := len(b.of("Short")); n != 0 {
		t.Errorf("%d tasks of an aborted transaction", n)
	}
}

// A session without a transaction is no all or nothing.
func TestCreateTasksInASession(t *testing.T) {
	b := setup(t)
	err := b.db.Client().UseSession(t.Context(), func(ctx context.Context) error {
		list := make([]lgtask.NewTask, 500)
		for i := range list {
			list[i].Class = "Probe"
		}
		list[3].Class = "a/b"
		_, err := b.conn.CreateTasks(ctx, list)
		b.refused(err, lgtask.ErrInvalidTask, "1 of 500")
		b.made(true)(b.conn.CreateTask(ctx, "Probe", nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.of("Probe")); n != 500 {
		t.Errorf("%d tasks, want 500", n)
	}
}
