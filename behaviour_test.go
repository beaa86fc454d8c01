package lgtask_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask"
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

// soon is how long a test waits for what must happen at once. It is long, so
// that a busy machine fails no test.
const soon = 30 * time.Second

// bundle is what a test of a behaviour needs: a database of its own and the
// probes that run there.
type bundle struct {
	*testing.T
	db   *mongo.Database
	conn *lgtask.Connection
	runs chan *run // each call of a probe's Run, when it begins
	act  atomic.Pointer[func(*run) error]
}

// run is one call of a probe's Run.
type run struct {
	*lgtask.TaskContext
	ctx context.Context
	n   int
	end chan error // what a held run returns
}

// bundles finds the bundle of a probe by the name of its task database.
var bundles sync.Map

func setup(t *testing.T, opts ...lgtask.ConnOption) *bundle {
	t.Helper()
	t.Parallel()
	db := taskstest.DB(t)
	conn, err := lgtask.New(db, opts...)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{T: t, db: db, conn: conn, runs: make(chan *run, 10_000)}
	if err := conn.Bind(db.Client(), taskstest.URI(t)); err != nil {
		t.Fatal(err)
	}
	bundles.Store(db.Name(), b)
	t.Cleanup(func() {
		bundles.Delete(db.Name())
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// probe is what every probe's Run does: announce itself, and then what the test
// told it to, at first nothing.
func probe(ctx context.Context, t *lgtask.TaskContext, n int) error {
	found, ok := bundles.Load(t.Connection().Database().Name())
	if !ok {
		return errors.New("the test is over")
	}
	b := found.(*bundle)
	r := &run{TaskContext: t, ctx: ctx, n: n, end: make(chan error, 1)}
	b.runs <- r
	if act := b.act.Load(); act != nil {
		return (*act)(r)
	}
	return nil
}

// does sets what runs do from now on.
func (b *bundle) does(act func(*run) error) { b.act.Store(&act) }

// hold makes runs wait for their end until their context ends.
func (b *bundle) hold() {
	b.does(func(r *run) error {
		select {
		case err := <-r.end:
			return err
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		}
	})
}

// next waits for the start of a run.
func (b *bundle) next() *run {
	b.Helper()
	select {
	case r := <-b.runs:
		return r
	case <-time.After(soon):
		b.Fatal("no run started")
		return nil
	}
}

// noneRan fails the test if a run started that was not asked for with next.
func (b *bundle) noneRan() {
	b.Helper()
	select {
	case r := <-b.runs:
		b.Errorf("run of %s, n = %d, was not expected", r.TaskClass(), r.n)
	default:
	}
}

// start starts so many processors for all probe classes.
func (b *bundle) start(n int, opts ...lgtask.ProcessorOption) *lgtask.Processor {
	b.Helper()
	return b.startOf(probes(), lgtask.Config{Processors: n}, opts...)
}

// startOf starts processors for the classes of a registry. They are stopped when
// the test ends.
func (b *bundle) startOf(r *lgtask.Registry, cfg lgtask.Config, opts ...lgtask.ProcessorOption) *lgtask.Processor {
	b.Helper()
	if cfg.Grace == 0 {
		cfg.Grace = 20 * time.Millisecond
	}
	if cfg.TaskName == "" {
		cfg.TaskName = "here"
	}
	p, err := lgtask.NewProcessor(cfg, r, append([]lgtask.ProcessorOption{lgtask.WithConnection(b.conn)}, opts...)...)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.stop(p) })
	return p
}

func (b *bundle) stop(p *lgtask.Processor) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		b.Errorf("stop: %v", err)
	}
}

// drain runs what is due to its end and stops the processor.
func (b *bundle) drain(p *lgtask.Processor) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), soon)
	defer cancel()
	if err := p.Drain(ctx); err != nil {
		b.Fatalf("drain: %v", err)
	}
}

// ok returns the ID of a call that must succeed.
func (b *bundle) ok(r lgtask.Result, err error) lgtask.TaskID {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return r.ID
}

// made fails the test unless a call created, or did not create, something.
func (b *bundle) made(want bool) func(lgtask.Result, error) lgtask.TaskID {
	b.Helper()
	return func(r lgtask.Result, err error) lgtask.TaskID {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		if r.Created != want || r.ID.IsZero() {
			b.Errorf("the call's result is %+v, want an ID and Created %v", r, want)
		}
		return r.ID
	}
}

func (b *bundle) task(id lgtask.TaskID) lgtask.Task {
	b.Helper()
	task, err := b.conn.Task(b.Context(), id)
	if err != nil {
		b.Fatalf("task %s: %v", id, err)
	}
	return task
}

// ended waits until a task is in a final state and checks which one.
func (b *bundle) ended(id lgtask.TaskID, want lgtask.State) lgtask.Task {
	b.Helper()
	var task lgtask.Task
	taskstest.Eventually(b, "the end of task "+id.String(), func() bool { task = b.task(id); return task.State.Final() })
	if task.State != want {
		b.Fatalf("task %s ended as %s (%s), want %s", id, task.State, task.LastLog, want)
	}
	return task
}

// comes waits until a task is in a state.
func (b *bundle) comes(id lgtask.TaskID, want lgtask.State) lgtask.Task {
	b.Helper()
	var task lgtask.Task
	taskstest.Eventually(b, fmt.Sprintf("task %s to be %s", id, want), func() bool { task = b.task(id); return task.State == want })
	return task
}

// of returns the tasks of a class in any of the states, or in all.
func (b *bundle) of(class string, states ...lgtask.State) []lgtask.Task {
	b.Helper()
	ts, err := b.conn.Tasks(b.Context(), lgtask.TaskFilter{TaskClass: class, States: states, Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	return ts
}

// waiting returns the only waiting task of a class.
func (b *bundle) waiting(class string) lgtask.Task {
	b.Helper()
	ts := b.of(class, lgtask.StateRequest)
	if len(ts) != 1 {
		b.Fatalf("%d tasks of class %s wait, want 1", len(ts), class)
	}
	return ts[0]
}

// now is the server's time.
func (b *bundle) now() time.Time {
	b.Helper()
	var reply struct {
		LocalTime time.Time `bson:"localTime"`
	}
	if err := b.db.RunCommand(b.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&reply); err != nil {
		b.Fatal(err)
	}
	return reply.LocalTime
}

// set changes a task by hand.
func (b *bundle) set(id lgtask.TaskID, field string, value any) {
	b.Helper()
	res, err := b.db.Collection("tasks").UpdateByID(b.Context(), id, bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: value}}}})
	if err != nil || res.MatchedCount != 1 {
		b.Fatalf("setting %s: %v, %+v", field, err, res)
	}
}

// refused fails the test unless err is want and names all the words.
func (b *bundle) refused(err, want error, words ...string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("the error is %v, want %v", err, want)
		return
	}
	b.says(err.Error(), words...)
}

func (b *bundle) says(text string, words ...string) {
	b.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.Errorf("%q does not name %q", text, w)
		}
	}
}
