//go:build faults && unix

package crash

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// TestFrozenBeyondTheLease stops a process until another has its task, and lets it go
// on. What it does late matches nothing, its handler is told at once, and it works on.
func TestFrozenBeyondTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	frozen := w.start("a", 1, nil)
	// It returns nil however it ends, so its end would be recorded as a success.
	id := w.create("Work", Work{Takes: 45_000, Log: true, Late: true})
	first := w.ran(id, 1)[0]
	frozen.signal(syscall.SIGSTOP)
	stopped := time.Now()
	w.killed[frozen.pid()] = stopped
	other := w.start("b", 1, nil)
	w.ran(id, 2)
	taken := time.Since(stopped)
	w.must(w.db.CreateCollection(t.Context(), "system.profile", options.CreateCollection().SetCapped(true).SetSizeInBytes(64<<20)))
	w.must(w.db.RunCommand(t.Context(), bson.D{{Key: "profile", Value: 2}}).Err())
	going := time.Now()
	frozen.signal(syscall.SIGCONT)

	w.eventually("the first run to end", func() bool { return w.ran(id, 1)[0].Till > 0 })
	ended := w.ran(id, 1)[0]
	told := ended.Till.Time().Sub(going)
	if told > 3*time.Second || !strings.Contains(ended.Cause, lgtask.ErrLeaseLost.Error()) {
		t.Errorf("the handler was told %v later: %q", told, ended.Cause)
	}
	frozen.wrote("this process is alive again", 1)
	w.eventually("its late writes", func() bool {
		ends, _ := w.updates("tasks", "claim.token", first.ID.Token.Hex())
		beats, _ := w.updates("processors", "_id", first.Holder)
		return ends > 0 && beats > 0
	})

	w.comes(id, lgtask.StateSuccess)
	if runs := w.ran(id, 2); len(runs) != 2 || runs[1].PID != other.pid() {
		t.Errorf("the runs: %+v", runs)
	}
	other.stop()
	again := w.create("Work", Work{})
	w.comes(again, lgtask.StateSuccess)
	if e := w.ran(again, 1)[0]; e.PID != frozen.pid() || e.Holder == first.Holder {
		t.Errorf("after it the process ran %+v", e)
	}
	for coll, q := range map[string][2]string{"tasks": {"claim.token", first.ID.Token.Hex()}, "processors": {"_id", first.Holder}} {
		n, matched := w.updates(coll, q[0], q[1])
		t.Logf("%d late writes to %s, which matched %d documents", n, coll, matched)
		if matched > 0 {
			t.Errorf("late writes to %s matched %d documents", coll, matched)
		}
	}
	w.judge(false)
	frozen.stop()
	w.empty()
	t.Logf("frozen: another ran its task after %v; let go, its handler was told after %v", taken, told)
}

// updates returns how many updates the server's profile has that ask for a value, such
// as a token, of a field, and how many documents they matched.
func (w *world) updates(coll, field, value string) (n, matched int) {
	w.Helper()
	cur, err := w.db.Collection("system.profile").Find(w.Context(), bson.D{{Key: "op", Value: "update"}, {Key: "ns", Value: w.db.Name() + "." + coll}})
	w.must(err)
	for cur.Next(w.Context()) {
		var e struct {
			Command struct{ Q bson.Raw }
			Matched int `bson:"nMatched"`
		}
		w.must(bson.Unmarshal(cur.Current, &e))
		if strings.Contains(e.Command.Q.Lookup(field).String(), value) {
			n, matched = n+1, matched+e.Matched
		}
	}
	w.must(cur.Err())
	return n, matched
}
