//go:build faults && unix

package database

import (
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// over returns a connection whose client dials with d.
func (w *world) over(d *lossy, app string) *lgtask.Connection {
	w.Helper()
	c, err := lgtask.New(w.client(app, options.Client().SetDialer(d)).Database(w.db.Name()))
	w.must(err)
	return c
}

// every returns a loss of each nth reply to the commands on tasks.
func every(n int, commands ...string) func(command, on string) bool {
	seen := 0
	return func(command, on string) bool {
		if on != "tasks" {
			return false
		}
		for _, c := range commands {
			if c == command {
				seen++
				return seen%n == 0
			}
		}
		return false
	}
}

// TestReplyLost loses every third reply to an insert, a claim or a completion, after
// the server has done it. Each task still has one owner, runs once and ends once, and
// nobody who enqueues is told that a task is not there which is.
func TestReplyLost(t *testing.T) {
	w := newWorld(t, mongod.Options{})
	producing, working := &lossy{}, &lossy{}
	w.conn = w.over(producing, appProducer)
	conn := w.over(working, appWorker)
	k := w.start("a", 8, lgtask.WithConnection(conn))
	producing.set(every(3, "insert"))
	working.set(every(3, "update", "findAndModify"))
	stop := w.produce(3)
	for n := range 50 {
		w.batch(&Work{N: n}, fmt.Sprint("name", n%7))
		w.lasts(100 * time.Millisecond)
	}
	stop()
	w.settle()
	producing.set(nil)
	working.set(nil)
	v := w.judge()
	lost, unheard := working.losses(), producing.losses()
	t.Logf("replies lost: %v of a worker's, %v of a producer's; %d tasks acknowledged, %d outcomes unknown, %d runs more than tasks, %d claims, %d given back; %d asked for, %d won",
		lost, unheard, v.acked, v.unknown, v.again, v.claims, v.givens, k.Stats().Dispatcher.Asked, k.Stats().Dispatcher.Won)
	if lost["update"] < 20 || unheard["insert"] < 20 {
		t.Errorf("too few replies were lost: %v, %v", lost, unheard)
	}
	if v.again > 0 || v.givens > lost["update"]/4 {
		t.Errorf("%d tasks ran twice, and no process died; %d were given back, whose claims only lacked a reply", v.again, v.givens)
	}
}

// TestStatementHeldUp holds a claim, and a completion, up for longer than the
// processor waits for the answer. It is sent again meanwhile, and the copy that was
// held up is done late. There is one owner, and one end.
func TestStatementHeldUp(t *testing.T) {
	for _, c := range []struct {
		what  string
		block time.Duration // longer than claimTimeout, finishTimeout
		takes int64
	}{{"claim", 25 * time.Second, 0}, {"completion", 65 * time.Second, 500}} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mongod.Options{})
			k := w.start("a", 4)
			p := point{commands: []string{"update"}, times: 1, tasks: true, block: c.block}
			var heal func() int64
			if c.takes == 0 {
				heal = w.fail(p)
				w.create(&Work{})
			} else {
				id := w.create(&Work{Takes: c.takes})
				w.begins(id, time.Minute)
				heal = w.fail(p)
			}
			began := time.Now()
			took := w.eventually("the end of the task", 2*time.Minute, func() bool { return w.inState("success") == 1 })
			w.lasts(time.Until(began.Add(c.block + 2*time.Second))) // the copy is done
			met := heal()
			for n := range 5 {
				w.create(&Work{N: n})
			}
			v := w.judge()
			t.Logf("a %s held up for %v: ended after %.1f s, %d runs more than tasks, %d claims of %d tasks; %v", c.what, c.block, took.Seconds(), v.again, v.claims, v.acked, k.log.counts(began))
			if met != 1 || took >= c.block || v.again > 0 || v.claims != v.acked {
				t.Errorf("%d statements held up, ended after %v, %d second runs, %d claims of %d tasks", met, took, v.again, v.claims, v.acked)
			}
		})
	}
}
