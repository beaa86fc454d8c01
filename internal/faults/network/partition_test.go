//go:build faults && linux

package network

import (
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// TestCutOffBeyondLease: a worker that reaches no server for longer than its lease ends
// its task itself, before another may have it. What its run returns changes nothing.
func TestCutOffBeyondLease(t *testing.T) {
	t.Run("DROP, returned after the healing", func(t *testing.T) { cutOffBeyondLease(newWorld(t, mongod.Options{Members: 3}), netlab.Drop, true) })
	t.Run("REJECT, returned while cut off", func(t *testing.T) { cutOffBeyondLease(newWorld(t, mongod.Options{Members: 3}), netlab.Reject, false) })
}

func cutOffBeyondLease(w *world, way netlab.Way, late bool) {
	a := w.start(settings{Name: "a", Holds: true})
	id := w.enqueue(&Work{Hold: true}, lgtask.Now())
	a.waits(time.Minute, "runs", id.String())
	b := w.start(settings{Name: "b"})

	cut := time.Now()
	a.cutOff(way, w.members...)
	w.says("a, which runs the task, is cut off by %v", way)
	fenced := a.waits(2*time.Minute, "fenced", id.String())
	after := fenced.At.Sub(cut)
	w.says("its context ended %.1f s after that: %s", after.Seconds(), fenced.Text)
	if fenced.Text != lgtask.ErrLeaseLost.Error() || after >= lease {
		w.Errorf("the context ended after %v with %q; at most %v and %q are promised", after, fenced.Text, lease, lgtask.ErrLeaseLost)
	}
	if !late {
		a.do("return")
		a.waits(time.Minute, "returns")
	}
	again := b.waits(lease+sweep, "runs", id.String())
	w.says("b runs it %.1f s after the cut", again.At.Sub(cut).Seconds())
	if again.At.Before(fenced.At) {
		w.Errorf("b ran it %v before a's context ended", fenced.At.Sub(again.At))
	}
	if elapsed := again.At.Sub(cut); elapsed > lease+sweep {
		w.Errorf("b ran it %v after the cut; at most %v are promised", elapsed, lease+sweep)
	}
	b.waits(time.Minute, "ends", id.String())
	ended := w.settled(id)

	a.heal()
	healed := time.Now()
	if late {
		a.do("return")
	}
	// It is back when it runs others; b ends first, so that nobody else can.
	b.end("b")
	next := w.enqueue(&Work{N: 1}, lgtask.Now())
	back := a.waits(time.Minute, "ends", next.String())
	w.says("a is back at work %.1f s after the healing", back.At.Sub(healed).Seconds())
	a.end("a") // it has written by now what it ever writes
	if is := w.settled(id); is != ended {
		w.Errorf("what a returned changed the task from %s to %s", ended, is)
	}
	w.judge()
	if got := len(a.all("runs", id.String())) + len(b.all("runs", id.String())); got != 2 {
		w.Errorf("the task ran %d times, want 2", got)
	}
	if logs := a.logs.String(); !strings.Contains(logs, "gave no sign of life for too long") || !strings.Contains(logs, "alive again") {
		w.Errorf("a's log does not tell of its being cut off:\n%s", logs)
	}
}

// settled waits for the end of a task and tells how and when it ended.
func (w *world) settled(id lgtask.TaskID) (how string) {
	w.Helper()
	w.eventually(time.Minute, "the end of the task", func() bool {
		task, err := w.conn.Task(w.within(time.Minute), id)
		w.must(err)
		how = string(task.State) + " at " + task.TsStop.String() + " by " + task.Processor
		return task.State.Final()
	})
	return how
}
