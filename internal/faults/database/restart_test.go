//go:build faults && unix

package database

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/watcher"
)

// TestServerRestarts ends the only server, asked and unasked, for seconds and for
// longer than a lease, while tasks run, end and log. Everything is taken up again, what
// ran is not run again, and the log has a line for each change of state.
func TestServerRestarts(t *testing.T) {
	const most = 19*time.Second + 5*time.Second // the longest wait of an outer loop, and a try
	for _, c := range []struct {
		sig  syscall.Signal
		down time.Duration
	}{{syscall.SIGTERM, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}, {syscall.SIGTERM, 35 * time.Second}, {syscall.SIGKILL, 35 * time.Second}} {
		t.Run(fmt.Sprintf("%v %v", c.sig, c.down), func(t *testing.T) {
			w := newWorld(t, mongod.Options{})
			k := w.start("a", 12)
			stop := w.produceEvery(2, 200*time.Millisecond)
			for n := range 8 { // their ends are written one by one
				w.batch(&Work{Takes: 3000, Logs: true}, fmt.Sprint(n))
			}
			w.eventually("runs of eight names", time.Minute, func() bool { return w.inState("working") >= 8 })
			began := time.Now()
			w.must(w.server.Signal(0, c.sig))
			w.eventually("the end of the server", time.Minute, func() bool { return errors.Is(w.server.Signal(0, syscall.Signal(0)), os.ErrProcessDone) })
			w.lasts(c.down)
			w.must(w.server.Restart(w.within(time.Minute)))
			back := time.Now()
			id := w.create(&Work{N: -1})
			begun := w.begins(id, most).from.Sub(back)
			follows := w.eventually("the stream", most, func() bool { return k.Stats().Watcher.State == watcher.Following })
			w.eventually("a stream that lasts", time.Minute, func() bool { return k.log.counts(began)["listening again"] > 0 })
			stop()
			v := w.judge()
			t.Logf("%v, down for %.1f s: a task begun %.1f s after the return, the stream %.1f s; %d acknowledged, %d unknown, %d refused; %d runs more than tasks, %d claims, %d given back; %v",
				c.sig, back.Sub(began).Seconds(), begun.Seconds(), (begun + follows).Seconds(), v.acked, v.unknown, v.refused, v.again, v.claims, v.givens, k.log.counts(began))
			if v.again > 0 {
				t.Errorf("%d tasks ran twice: no process died, and no run was going when the lease was lost", v.again)
			}
			k.complainsOnce(began, 1)
		})
	}
}
