package lgtask

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// Deaf is a class whose runs do not heed their context, only the test.
type Deaf struct{}

// Run implements Runner.
func (Deaf) Run(ctx context.Context, t *TaskContext) error {
	a := attempt{ctx, t, make(chan error)}
	runs, _ := runsOf.Load(t.Connection().Database().Name())
	runs.(chan attempt) <- a
	return <-a.end
}

// DeafLimited is the same, with a time that is soon over.
type DeafLimited struct{ Deaf }

// NotKwargs keeps the embedded struct out of the kwargs.
func (Deaf) NotKwargs() {}

// Options implements Optioned.
func (DeafLimited) Options() ClassOptions { return ClassOptions{Timeout: 10 * time.Millisecond} }

func (r *rescuers) startDeaf(name, onStuck string, quit time.Duration) *Processor {
	r.Helper()
	reg := NewRegistry()
	Register[Deaf](reg)
	Register[DeafLimited](reg)
	p, err := NewProcessor(Config{TaskDatabase: r.address, TaskName: name, LockDir: r.TempDir(), Grace: time.Millisecond, OnStuck: onStuck}, reg)
	if err != nil {
		r.Fatal(err)
	}
	p.o.patience, p.quit = 50*time.Millisecond, quit
	if err := p.Start(r.Context()); err != nil {
		r.Fatal(err)
	}
	conn, err := Connect(r.Context(), r.address) // it outlives the processor
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = conn.Close(context.Background()) })
	r.store = conn.store
	return p
}

func (r *rescuers) stuck(p *Processor, id TaskID, cause error) {
	r.Helper()
	taskstest.Eventually(r.T, "the task to tell that it is stuck", func() bool {
		task, err := r.store.Get(r.Context(), id)
		return err == nil && strings.HasPrefix(task.LastLog, "stuck: ") && strings.HasSuffix(task.LastLog, cause.Error())
	})
	if n := p.Stats().Dispatcher.Stuck; n != 1 {
		r.Errorf("%d handlers are stuck", n)
	}
}

// A handler that ignores the end of its context is reported; its task stays its own,
// and its processor takes no other.
func TestStuckHandlers(t *testing.T) {
	r := newRescuers(t)
	p := r.startDeaf("deaf", "", time.Minute)
	for class, cause := range map[string]error{"Deaf": ErrKilled, "DeafLimited": ErrTimeout} {
		id := r.create(p, class)
		run := <-r.runs
		next := r.create(p, "Deaf")
		if cause == ErrKilled {
			if err := p.Connection().KillTask(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		r.stuck(p, id, cause)
		r.is(next, StateRequest, 0)
		run.end <- nil
		r.is(id, StateSuccess, 0)
		(<-r.runs).end <- nil
		r.is(next, StateSuccess, 0)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStuckHandlerIsReplaced(t *testing.T) {
	r := newRescuers(t)
	p := r.startDeaf("deaf", "replace", time.Minute)
	id := r.create(p, "DeafLimited")
	run := <-r.runs
	next := r.create(p, "Deaf")
	(<-r.runs).end <- nil
	r.is(next, StateSuccess, 0)
	r.stuck(p, id, ErrTimeout)
	run.end <- errors.New("late")
	r.is(id, StateError, 0)
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExitOnStuckHandler(t *testing.T) {
	r := newRescuers(t)
	p := r.startDeaf("deaf", "exit", time.Millisecond)
	id := r.create(p, "DeafLimited")
	run := <-r.runs
	<-p.Done()
	var stuck *dispatcher.StuckError
	if err := p.Stop(t.Context()); !errors.As(err, &stuck) || stuck.Tasks[0] != id {
		t.Errorf("the processor ended with %v", err)
	}
	run.end <- nil

	p = r.startDeaf("other", "exit", time.Minute)
	id = r.create(p, "DeafLimited")
	run = <-r.runs
	taskstest.Eventually(t, "the handler to be stuck", func() bool { return p.engine.dispatcher.Stats().Stuck == 1 })
	run.end <- nil // during the stop
	<-p.Done()
	if err := p.Stop(t.Context()); !errors.Is(err, ErrStuck) {
		t.Errorf("the processor ended with %v", err)
	}
	r.is(id, StateSuccess, 0)
}
