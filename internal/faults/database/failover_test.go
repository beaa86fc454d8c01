//go:build faults && unix

package database

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/watcher"
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

// TestStepDowns lets the primary step down every 15 s, under load, for FAULTS_TIME.
// All tasks end, the streams live on, and nobody reconnects more often than there are
// elections to notice.
func TestStepDowns(t *testing.T) {
	const every = 15 * time.Second
	w := newWorld(t, mongod.Options{Members: 3})
	ks := []*worker{w.start("a", 4), w.start("b", 4)}
	stop := w.produce(2)
	before, began := w.connections(), time.Now()
	var acked, begun span
	lasts := w.timeOr(90 * time.Second)
	steps := 0
	for ; time.Since(began) < lasts; steps++ {
		old := w.primary()
		cmd := bson.D{{Key: "replSetStepDown", Value: 8}, {Key: "secondaryCatchUpPeriodSecs", Value: 5}}
		stepped := time.Now()
		w.must(w.db.Client().Database("admin").RunCommand(w.within(time.Minute), cmd).Err())
		w.eventually("another primary", time.Minute, func() bool { return w.primary() != old })
		is := time.Now()
		id := w.create(&Work{N: -1})
		acked = append(acked, time.Since(is))
		begun = append(begun, w.begins(id, time.Minute).from.Sub(is))
		w.lasts(time.Until(stepped.Add(every)))
	}
	stop()
	v := w.judge()
	after := w.connections()
	var openings int64
	for _, k := range ks {
		w.eventually("a stream", time.Minute, func() bool { return k.Stats().Watcher.State == watcher.Following })
		s := k.Stats().Watcher
		openings = max(openings, s.Openings-s.Reopenings)
		k.complainsOnce(began, steps)
	}
	t.Logf("%d elections in %.0f s: %d tasks acknowledged, %d outcomes unknown, all ended, %d runs more than tasks, %d claims, %d given back; from an election on an enqueue acknowledged after %v, a task begun after %v; at most %d openings of a stream, %d connections more",
		steps, time.Since(began).Seconds(), v.acked, v.unknown, v.again, v.claims, v.givens, acked, begun, openings, after-before)
	if v.again > 0 || openings > int64(1+2*steps) {
		t.Errorf("%d tasks ran twice, %d openings of a stream in %d elections", v.again, openings, steps)
	}
	if most := int64(60 * steps); after-before > most {
		t.Errorf("%d connections were made in %d elections; want at most %d", after-before, steps, most)
	}
	if acked.median() > resumeIn || begun.median() > resumeIn {
		t.Errorf("work resumes within %v of the election: acknowledged after %v, begun after %v", resumeIn, acked, begun)
	}
}

// connections returns how many connections have been made to the members.
func (w *world) connections() (made int64) {
	w.Helper()
	u, err := mongouri.Parse(w.uri)
	w.must(err)
	for _, host := range u.Hosts() {
		member := w.client(appTest, options.Client().SetHosts([]string{host}).SetDirect(true))
		status := struct {
			Connections struct {
				TotalCreated int64 `bson:"totalCreated"`
			} `bson:"connections"`
		}{}
		w.must(member.Database("admin").RunCommand(w.within(time.Minute), bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status))
		made += status.Connections.TotalCreated
	}
	return made
}
