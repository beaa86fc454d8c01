//go:build faults && unix

package crash

import (
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// hold makes the server let each update of the tasks of processors wait for so long,
// until let is called. The fail point is one for the whole server: tests that use it
// do not run at the same time.
func (w *world) hold(d time.Duration) (entered int64, let func()) {
	w.Helper()
	admin := w.db.Client().Database("admin")
	set := func(mode any) int64 {
		var reply struct {
			Count int64 `bson:"count"`
		}
		w.must(admin.RunCommand(w.Context(), bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode},
			{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"update"}}, {Key: "namespace", Value: w.db.Name() + ".tasks"},
				{Key: "appName", Value: "lgtask"}, {Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: d.Milliseconds()}}}}).Decode(&reply))
		return reply.Count
	}
	return set("alwaysOn"), func() { set("off") }
}

// isHeld waits until an update waits that came after hold.
func (w *world) isHeld(entered int64) {
	w.Helper()
	w.must(w.db.Client().Database("admin").RunCommand(w.Context(), bson.D{{Key: "waitForFailPoint", Value: "failCommand"},
		{Key: "timesEntered", Value: entered + 1}, {Key: "maxTimeMS", Value: patience.Milliseconds()}}).Err())
}

func TestTerminatedWhileIdle(t *testing.T) {
	w := newWorld(t)
	p := w.start("a", 4, nil)
	asked := time.Now()
	p.stop()
	w.empty()
	t.Logf("ended after %v", time.Since(asked))
}

// TestTerminatedDuringAClaim: the claim is written, and nobody knows at the signal.
func TestTerminatedDuringAClaim(t *testing.T) {
	w := newWorld(t)
	p := w.start("a", 1, nil)
	before, let := w.hold(2 * time.Second)
	id := w.create("Work", Work{})
	w.isHeld(before)
	p.signal(syscall.SIGTERM)
	p.wrote("stopping; a second signal", 1)
	let()
	p.exits(0)
	w.empty()
	if task := w.task(id); task.State == lgtask.StateWorking || task.Attempt != 0 || task.Crashes != 0 {
		t.Errorf("the task: %+v", task)
	}
	next := w.start("a", 1, nil)
	w.judge(true)
	next.stop()
}

// TestTerminatedDuringATask: within the grace it ends as it would have.
func TestTerminatedDuringATask(t *testing.T) {
	w := newWorld(t)
	p := w.start("a", 1, nil)
	id := w.create("Work", Work{Takes: 1500})
	w.ran(id, 1)
	p.stop()
	w.empty()
	if v := w.judge(false); v.runs != 1 {
		t.Errorf("%d runs", v.runs)
	}
	if e := w.ran(id, 1)[0]; e.Cause != "" {
		t.Errorf("its context had ended: %s", e.Cause)
	}
}

// TestTerminatedBeyondTheGrace: then its context ends, and it goes back without an
// attempt.
func TestTerminatedBeyondTheGrace(t *testing.T) {
	const grace = time.Second
	w := newWorld(t)
	p := w.start("a", 1, map[string]string{"LGTASK_GRACE": grace.String()})
	id := w.create("Work", Work{Takes: 6000})
	w.ran(id, 1)
	asked := time.Now()
	p.stop()
	w.empty()
	e, task := w.ran(id, 1)[0], w.task(id)
	if after := e.Till.Time().Sub(asked); after < grace-10*time.Millisecond || e.Cause == "" {
		t.Errorf("its context ended %v after the signal: %q", after, e.Cause)
	}
	if task.State != lgtask.StateRequest || task.Attempt != 0 || task.Crashes != 0 {
		t.Errorf("it was given back as %+v", task)
	}
	next := w.start("a", 1, nil)
	if v := w.judge(true); v.runs != 2 {
		t.Errorf("%d runs", v.runs)
	}
	next.stop()
	t.Logf("its context ended %v after the signal, with %q", e.Till.Time().Sub(asked).Round(time.Millisecond), e.Cause)
}

// TestTerminatedTwice: the second signal ends the process at once, and the task of a
// handler that heeds nothing runs in the next.
func TestTerminatedTwice(t *testing.T) {
	w := newWorld(t)
	p := w.start("a", 1, map[string]string{"LGTASK_GRACE": "1h"})
	id := w.create("Work", Work{Takes: 8000, Deaf: true})
	w.ran(id, 1)
	p.signal(syscall.SIGTERM)
	p.wrote("stopping; a second signal", 1)
	asked := time.Now()
	w.killed[p.pid()] = asked
	p.signal(syscall.SIGTERM)
	p.exits(1)
	took := time.Since(asked)
	if task := w.task(id); task.State != lgtask.StateWorking {
		t.Errorf("after the end: %+v", task)
	}
	next := w.start("a", 1, nil)
	v := w.judge(false)
	next.stop()
	w.empty()
	if task := w.task(id); v.runs != 2 || task.Crashes != 1 {
		t.Errorf("%d runs, %d crashes", v.runs, task.Crashes)
	}
	t.Logf("ended %v after the second signal, ran again after %s", took, percentiles(v.waits))
}

// TestTerminatedDuringTheStop: the first signal comes while the end of a task is being
// recorded, and the second while the process waits for that.
func TestTerminatedDuringTheStop(t *testing.T) {
	for name, twice := range map[string]bool{"once": false, "twice": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.start("a", 1, nil)
			id := w.create("Work", Work{Takes: 1000})
			w.ran(id, 1)
			before, let := w.hold(3 * time.Second)
			w.isHeld(before) // its end
			p.signal(syscall.SIGTERM)
			p.wrote("stopping; a second signal", 1)
			code := 0
			if twice {
				code = 1
				w.killed[p.pid()] = time.Now()
				p.signal(syscall.SIGTERM)
			}
			p.exits(code)
			let()
			w.comes(id, lgtask.StateSuccess) // the server has what was sent
			next := w.start("a", 1, nil)
			if v := w.judge(false); v.runs != 1 {
				t.Errorf("%d runs", v.runs)
			}
			next.stop()
			w.empty()
		})
	}
}
