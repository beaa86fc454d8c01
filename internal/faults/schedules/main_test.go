//go:build faults && unix

package schedules

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Job is the class of all tasks; a test says what it does.
type Job struct{}

// Run implements lgtask.Runner.
func (*Job) Run(ctx context.Context, t *lgtask.TaskContext) error {
	found, ok := worlds.Load(t.Connection().Database().Name())
	if !ok {
		return fmt.Errorf("the test is over")
	}
	return found.(*world).ran(ctx, t)
}

// Single is Job, of which one run of a name goes at a time.
type Single struct {
	lgtask.SingletonTask
	Job
}

// worlds finds the world of a handler by the name of its task database.
var worlds sync.Map

// world is a task database on a server of its own.
type world struct {
	*testing.T
	uri  string
	db   *mongo.Database
	conn *lgtask.Connection
	dir  string

	mu   sync.Mutex
	runs []run
	does func(context.Context) error // may be nil
}

// run is the beginning of one run of a handler.
type run struct {
	id lgtask.TaskID
	at time.Time
}

func (w *world) ran(ctx context.Context, t *lgtask.TaskContext) error {
	w.mu.Lock()
	w.runs = append(w.runs, run{t.ID(), time.Now()})
	does := w.does
	w.mu.Unlock()
	if does == nil {
		return nil
	}
	return does(ctx)
}

func (w *world) all() []run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]run(nil), w.runs...)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	starting, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := mongod.Start(starting, mongod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	name := "schedules_" + bson.NewObjectID().Hex()
	u, err := mongouri.Parse(server.URI())
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, uri: u.Driver(), dir: t.TempDir()}
	client, err := mongo.Connect(options.Client().ApplyURI(w.uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w.db = client.Database(name)
	if w.conn, err = lgtask.New(w.db); err != nil {
		t.Fatal(err)
	}
	worlds.Store(name, w)
	t.Cleanup(func() { worlds.Delete(name) })
	return w
}

// start starts processors with a connection of their own, which stop with the test.
func (w *world) start(name string, n int) *lgtask.Processor {
	w.Helper()
	reg := lgtask.NewRegistry()
	lgtask.Register[Job](reg)
	lgtask.Register[Single](reg)
	cfg := lgtask.Config{TaskDatabase: w.uri, TaskName: name, Processors: n, LockDir: w.dir, Grace: 50 * time.Millisecond}
	p, err := lgtask.NewProcessor(cfg, reg, lgtask.WithLogger(zerolog.Nop()))
	if err == nil {
		err = p.Start(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { w.stop(p) })
	return p
}

func (w *world) stop(p *lgtask.Processor) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		w.Error(err)
	}
}

// eventually waits for what no event announces, and returns how long it took.
func (w *world) eventually(what string, ok func() bool) time.Duration {
	w.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > patience {
			w.Fatalf("waited %v for: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// count counts tasks in any of the states, or all.
func (w *world) count(states ...lgtask.State) int {
	w.Helper()
	n, err := w.conn.CountTasks(w.Context(), lgtask.TaskFilter{States: states})
	if err != nil {
		w.Fatal(err)
	}
	return int(n)
}

// judge checks the rules of the database once nothing is going.
func (w *world) judge() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	taskstest.CheckInvariants(ctx, w.T, w.db)
}
