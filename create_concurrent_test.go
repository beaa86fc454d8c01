package lgtask_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// Calls at the same time share commands, and each gets its own result: of a new
// task, of one that was there, of an ID that is another's, of kwargs that are none.
func TestConcurrentCalls(t *testing.T) {
	b := setup(t)
	var inserts atomic.Int64
	client, err := mongo.Connect(options.Client().ApplyURI(taskstest.URI(t)).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "insert" {
				inserts.Add(1)
			}
		}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	conn, err := lgtask.New(client.Database(b.db.Name()))
	if err != nil {
		t.Fatal(err)
	}
	const callers, calls = 50, 20
	taken := lgtask.NewTaskID()
	b.ok(conn.CreateTask(t.Context(), "Probe", bson.M{"n": -1}, lgtask.WithID(taken)))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range calls {
				concurrentCall(b, conn, i, taken)
			}
		})
	}
	wg.Wait()
	if n, err := conn.CountTasks(t.Context(), lgtask.TaskFilter{}); err != nil || n != callers*calls/5*3+1 {
		t.Errorf("%d tasks, %v; want %d", n, err, callers*calls/5*3+1)
	}
	if n := inserts.Load(); n > callers*calls/2 {
		t.Errorf("%d inserts for %d calls", n, callers*calls)
	}
}

func concurrentCall(b *bundle, conn *lgtask.Connection, i int, taken lgtask.TaskID) {
	ctx := b.Context()
	switch i % 5 {
	case 0:
		b.refused(errOf(conn.CreateTask(ctx, "Probe", bson.M{"n": i}, lgtask.WithID(taken))), lgtask.ErrTaskExists)
	case 1:
		b.refused(errOf(conn.CreateTask(ctx, "Probe", 5)), lgtask.ErrInvalidTask)
	case 2:
		id := lgtask.NewTaskID()
		for _, created := range []bool{true, false} {
			r, err := conn.CreateTask(ctx, "Probe", bson.M{"n": i}, lgtask.WithID(id))
			if err != nil || r.ID != id || r.Created != created {
				b.Errorf("%+v, %v; want Created %v", r, err, created)
			}
		}
	default:
		r, err := conn.DelayedTask(ctx, lgtask.In(time.Hour), "Probe", bson.M{"n": i})
		if err != nil || !r.Created {
			b.Errorf("%+v, %v", r, err)
			return
		}
		if task, err := conn.Task(ctx, r.ID); err != nil || int(task.Kwargs.Lookup("n").Int32()) != i {
			b.Errorf("the task of the call is %+v, %v", task, err)
		}
	}
}

func errOf(_ lgtask.Result, err error) error { return err }

// What is enqueued in a transaction is not sent with the tasks of others: it
// comes and goes with the transaction.
func TestConcurrentCallsAndTransactions(t *testing.T) {
	b := setup(t)
	abort := errors.New("abort")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if _, err := b.conn.CreateTask(b.Context(), "Probe", nil); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range 10 {
				err := b.transact(func(ctx context.Context) error {
					if _, err := b.conn.CreateTask(ctx, "Other", nil); err != nil {
						return err
					}
					if i%2 == 0 {
						return abort
					}
					return nil
				})
				if (i%2 == 0) != errors.Is(err, abort) || i%2 == 1 && err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if plain, inside := len(b.of("Probe")), len(b.of("Other")); plain != 80 || inside != 40 {
		t.Errorf("%d and %d tasks, want 80 and 40", plain, inside)
	}
}

// A call that is repeated in a transaction does not abort it.
func TestRepeatingWithIDInATransaction(t *testing.T) {
	b := setup(t)
	id := lgtask.NewTaskID()
	b.made(true)(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": 1}, lgtask.WithID(id)))
	err := b.transact(func(ctx context.Context) error {
		b.made(false)(b.conn.CreateTask(ctx, "Probe", bson.M{"n": 1}, lgtask.WithID(id)))
		_, err := b.conn.CreateTask(ctx, "Probe", bson.M{"n": 2}, lgtask.WithID(id))
		b.refused(err, lgtask.ErrTaskExists)
		b.made(true)(b.conn.CreateTask(ctx, "Other", nil, lgtask.WithID(lgtask.NewTaskID())))
		return nil
	})
	if err != nil || len(b.of("Other")) != 1 {
		t.Errorf("%v, %d tasks", err, len(b.of("Other")))
	}
}

// Transactions that ask for the same name at once: the driver repeats those that
// lose, and they find the run that is there.
func TestConcurrentTransactionsOfOneName(t *testing.T) {
	b := setup(t)
	hour := lgtask.In(time.Hour)
	b.ok(b.conn.CreateTask(t.Context(), "Probe", nil)) // makes the collections
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := b.transact(func(ctx context.Context) error {
				_, err := b.conn.BatchTask(ctx, hour, "Solo", nil)
				_, err2 := b.conn.IntervalTask(ctx, hour, "Other", nil)
				_, err3 := b.conn.CreateTask(ctx, "Short", nil)
				return errors.Join(err, err2, err3)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for class, want := range map[string]int{"Solo": 1, "Other": 1, "Short": 6} {
		if n := len(b.of(class, lgtask.StateRequest)); n != want {
			t.Errorf("%d tasks of class %s, want %d", n, class, want)
		}
	}
}
