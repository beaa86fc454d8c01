//go:build faults && unix

package crash

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestKilledAtAnyMoment kills workers a hundred times, at random moments, while they
// run 20,000 tasks. Most are started again at once, as cron does within a minute; of
// every tenth the others have to see that it is dead.
func TestKilledAtAnyMoment(t *testing.T) {
	const kills, total, alone = 100, 20_000, 10
	w := newWorld(t)
	r := randomness(t)
	crew := []*process{w.start("a", 4, nil), w.start("b", 4, nil), w.start("c", 4, nil)}
	var takeovers, seen []time.Duration
	for round := range kills {
		w.createMany(r, total/kills, 50*time.Millisecond)
		w.lasts(time.Duration(r.IntN(400)) * time.Millisecond)
		k := r.IntN(len(crew))
		crew[k].kill()
		if round%alone == alone-1 {
			died := crew[k].pid()
			w.eventually("the others to bury a dead process", func() bool { return !w.knows(died) })
			seen = append(seen, time.Since(w.killed[died]))
		}
		crew[k] = w.start(crew[k].name, 4, nil)
		takeovers = append(takeovers, time.Since(crew[k].began))
	}
	v := w.judge(false)
	for _, p := range crew {
		p.stop()
	}
	w.empty()
	w.tell(v)
	inHand := 0
	for pid, n := range v.inHand {
		if _, killed := w.killed[pid]; !killed {
			t.Errorf("%d tasks of process %d, which nobody killed, were taken from it", n, pid)
		}
		inHand += n
	}
	t.Logf("a name was had again after %s; a death was seen by those who stayed after %s", percentiles(takeovers), percentiles(seen))
	if v.again > inHand {
		t.Errorf("%d runs again, but only %d tasks were in hand at the kills", v.again, inHand)
	}
	if p := percentile(takeovers, 99); p > 5*time.Second {
		t.Errorf("the names were had again after %v", p)
	}
	if p := percentile(seen, 100); p > lease+look+5*time.Second {
		t.Errorf("a death was seen after %v", p)
	}
	if p := percentile(v.waits, 99); p > 40*time.Second {
		t.Errorf("tasks ran again after %v", p)
	}
}

// knows reports whether the database has a process of that id.
func (w *world) knows(pid int) bool {
	w.Helper()
	n, err := w.db.Collection("processors").CountDocuments(w.Context(), bson.D{{Key: "pid", Value: pid}})
	w.must(err)
	return n > 0
}

// tell logs what the judge found.
func (w *world) tell(v verdict) {
	w.Helper()
	inHand, most := 0, 0
	for _, n := range v.inHand {
		inHand, most = inHand+n, max(most, n)
	}
	w.Logf("%d acknowledged, %d done, %d quarantined; %d kills with %d tasks in hand (at most %d), of which %d had run and ran again, after %s",
		len(w.acked), v.done, v.quarantined, len(w.killed), inHand, most, v.again, percentiles(v.waits))
}

// TestChurn keeps 50 processors busy, with as many tasks again waiting, while one of
// their processes is killed each second. No task may wait for much longer than those
// beside it.
func TestChurn(t *testing.T) {
	const total, each, waiting = 10_000, 10, 100
	w := newWorld(t)
	r := randomness(t)
	var crew []*process
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		crew = append(crew, w.start(name, each, nil))
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(w.acked) < total {
		select {
		case <-tick.C:
			if n := min(waiting-int(w.open()), total-len(w.acked)); n > 0 {
				w.createMany(r, n, 100*time.Millisecond)
			}
		case <-second.C:
			k := r.IntN(len(crew))
			crew[k].kill()
			crew[k] = w.launch(crew[k].name, each, nil)
		}
	}
	v := w.judge(false)
	for _, p := range crew {
		p.wrote(ready, 1)
		p.stop()
	}
	w.empty()
	w.tell(v)
	var waits []time.Duration
	for id, t := range w.stored() {
		waits = append(waits, v.first[id].From.Time().Sub(t.TsInsert))
	}
	t.Logf("from the enqueue to the first start %s", percentiles(waits))
	if p := percentile(waits, 99); p > 20*time.Second {
		t.Errorf("tasks waited for %v", p)
	}
}
