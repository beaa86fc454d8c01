//go:build faults && unix

package database

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
)

// span is a list of times.
type span []time.Duration

func (s span) String() string {
	if len(s) == 0 {
		return "none"
	}
	return fmt.Sprintf("median %.2f s, max %.2f s (%d)", s.median().Seconds(), s.most().Seconds(), len(s))
}

func (s span) median() time.Duration { return slices.Sorted(slices.Values(s))[len(s)/2] }
func (s span) most() time.Duration   { return slices.Max(s) }

// resumeIn is how soon work resumes after the election of a new primary. A machine
// that is busy with other things may take longer now and then.
const resumeIn = 5 * time.Second

// TestPrimaryKilled kills the primary twenty times under load.
func TestPrimaryKilled(t *testing.T) {
	const rounds = 20
	w := newWorld(t, mongod.Options{Members: 3})
	w.start("a", 4)
	w.start("b", 4)
	stop := w.produce(3)
	var elected, acked, began span
	for range rounds {
		old := w.primary()
		killed := time.Now()
		w.must(w.server.Signal(old, syscall.SIGKILL))
		w.primary()
		is := time.Now()
		elected = append(elected, is.Sub(killed))
		id := w.create(&Work{N: -1})
		acked = append(acked, time.Since(is))
		began = append(began, w.begins(id, time.Minute).from.Sub(is))
		w.heal()
		w.lasts(500 * time.Millisecond)
	}
	stop()
	v := w.judge()
	t.Logf("%d tasks acknowledged, %d outcomes unknown and repeated, all ended; %d runs more than tasks, %d claims, %d given back", v.acked, v.unknown, v.again, v.claims, v.givens)
	t.Logf("a new primary after %v; from then an enqueue acknowledged after %v, a task begun after %v", elected, acked, began)
	if acked.median() > resumeIn || began.median() > resumeIn || max(acked.most(), began.most()) > 4*resumeIn {
		t.Errorf("work resumes within %v of the election: acknowledged after %v, begun after %v", resumeIn, acked, began)
	}
	if v.again > 0 {
		t.Errorf("%d tasks ran twice: no process died", v.again)
	}
}
