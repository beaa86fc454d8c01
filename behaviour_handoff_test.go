package lgtask_test

import (
	"errors"
	"testing"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestHandOff: a task created where a processor is free is claimed from its
// insert on.
func TestHandOff(t *testing.T) {
	b := setup(t)
	p := b.start(1)
	b.hold()
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", map[string]any{"n": 7}, lgtask.WithPriority(3), lgtask.WithTaskName("x")))
	r := b.next()
	if r.ID() != id || r.n != 7 || r.TaskName() != "x" || r.Processor() != "here" || r.Attempt() != 1 {
		t.Errorf("ran %s, n %d, name %q on %s, attempt %d", r.ID(), r.n, r.TaskName(), r.Processor(), r.Attempt())
	}
	task := b.task(id)
	if task.State != lgtask.StateWorking || task.Processor != "here" || task.TsStart.IsZero() || task.Priority != 3 {
		t.Errorf("in the database: %+v", task)
	}
	if s := p.Stats().Dispatcher; s.Asked != 1 || s.Won != 1 || s.Sweeps > 1 {
		t.Errorf("stats %+v", s)
	}
	// The processor is busy: the next one waits like any other.
	next := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.comes(next, lgtask.StateRequest)
	r.end <- errors.New("no luck")
	b.ended(id, lgtask.StateError)
	b.next().end <- nil
	b.ended(next, lgtask.StateSuccess)
	b.drain(p)
	// Nobody runs here any more.
	b.comes(b.ok(b.conn.CreateTask(t.Context(), "Probe", nil)), lgtask.StateRequest)
}

// TestHandOffKilled: it is a claim like any other.
func TestHandOffKilled(t *testing.T) {
	b := setup(t)
	p := b.start(1)
	b.hold()
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	r := b.next()
	b.set(id, "state", "kill")
	<-r.ctx.Done()
	b.ended(id, lgtask.StateError)
	taskstest.Eventually(b, "the processor to be free", func() bool { return b.task(id).Holder == "" })
	b.drain(p)
}
