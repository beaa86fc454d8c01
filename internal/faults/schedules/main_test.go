//go:build faults && unix

package schedules

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/faults/stage"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { stage.Main(m) }

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
	*stage.Stage

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
	w := &world{Stage: stage.New(t, mongod.Options{})}
	worlds.Store(w.DB.Name(), w)
	t.Cleanup(func() { worlds.Delete(w.DB.Name()) })
	return w
}

// start starts processors with a connection of their own, which stop with the test.
func (w *world) start(name string, n int) *lgtask.Processor {
	w.Helper()
	reg := lgtask.NewRegistry()
	lgtask.Register[Job](reg)
	lgtask.Register[Single](reg)
	cfg := lgtask.Config{TaskDatabase: w.URI, TaskName: name, Processors: n, LockDir: w.Dir, Grace: 50 * time.Millisecond}
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
	return w.Eventually(what, patience, ok)
}

// count counts tasks in any of the states, or all.
func (w *world) count(states ...lgtask.State) int {
	w.Helper()
	n, err := w.Conn.CountTasks(w.Context(), lgtask.TaskFilter{States: states})
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
	taskstest.CheckInvariants(ctx, w.T, w.DB)
}
