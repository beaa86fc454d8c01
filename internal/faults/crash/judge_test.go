//go:build faults && unix

package crash

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// verdict is what the judge found.
type verdict struct {
	done, quarantined int
	runs, again       int             // of handlers; beyond the first of each task
	inHand            map[int]int     // claims that killed processes had, by process
	waits             []time.Duration // from a kill to the next run of a task that ran then
	first             map[lgtask.TaskID]effect
}

// judge waits until all has ended, and compares what was acknowledged, what is stored,
// what ran, and what the oplog tells:
//
//   - every task whose enqueue was acknowledged is there, and has ended well, or was
//     quarantined after the third process that was killed with it in hand;
//   - every one ran, each run under a claim of its own that its process had;
//   - each claim and each task ended once;
//   - a run was followed by another only if its process was killed with it in hand, or
//     gave it back, which is allowed only where the test says so;
//   - the rules of the database hold, see taskstest.CheckInvariants, and no process is
//     left in it, once all were stopped.
func (w *world) judge(mayGiveBack bool) verdict {
	w.Helper()
	w.eventually("all tasks to end", func() bool { return w.open() == 0 })
	h := w.past()
	runs := w.effects()
	v := verdict{inHand: map[int]int{}, first: map[lgtask.TaskID]effect{}}
	for _, c := range h.claims {
		if c.rescued {
			v.inHand[h.pids[c.holder]]++
		}
		if c.ended > 1 {
			w.Errorf("a claim of %s ended %d times", c.holder, c.ended)
		}
	}
	stored := w.stored()
	for _, id := range w.acked {
		t, there := stored[id]
		switch {
		case !there:
			w.Errorf("%s was acknowledged and is not there", id)
		case t.State == lgtask.StateSuccess:
			v.done++
		case t.State == lgtask.StateError && t.Crashes == 3 && strings.HasPrefix(t.LastLog, "quarantined"):
			v.quarantined++
		default:
			w.Errorf("%s ended as %s: %s", id, t.State, t.LastLog)
		}
		if len(runs[id]) == 0 {
			w.Errorf("%s never ran", id)
			continue
		}
		if h.finals[id] != 1 {
			w.Errorf("%s ended %d times", id, h.finals[id])
		}
		v.first[id] = runs[id][0]
		w.judgeRuns(&v, h, t, runs[id], mayGiveBack)
	}
	if len(stored) != len(w.acked) || len(runs) != len(w.acked) {
		w.Errorf("%d tasks are there and %d ran, of %d", len(stored), len(runs), len(w.acked))
	}
	taskstest.CheckInvariants(w.Context(), w.T, w.db)
	return v
}

// judgeRuns looks at the runs of a task, in their order.
func (w *world) judgeRuns(v *verdict, h *history, t lgtask.Task, runs []effect, mayGiveBack bool) {
	w.Helper()
	v.runs += len(runs)
	v.again += len(runs) - 1
	for i, e := range runs {
		c := h.claims[e.ID]
		if c == nil || c.holder != e.Holder || h.pids[c.holder] != e.PID {
			w.Errorf("%s ran under the token %s in process %d, which is no claim of that process: %+v", t.ID, e.ID.Token, e.PID, c)
			continue
		}
		died, killed := w.killed[e.PID]
		switch {
		case i == len(runs)-1 && c.ended == 1:
		case c.rescued && killed:
			if i+1 < len(runs) {
				v.waits = append(v.waits, runs[i+1].From.Time().Sub(died))
			}
		case c.back && !c.rescued && mayGiveBack:
		default:
			w.Errorf("%s ran %d times; the run in process %d (killed: %v) ended so: %+v", t.ID, len(runs), e.PID, killed, c)
		}
	}
}

// effects returns the runs of each task in the order of their starts.
func (w *world) effects() map[lgtask.TaskID][]effect {
	w.Helper()
	cur, err := effects(w.db).Find(w.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "from", Value: 1}}))
	w.must(err)
	var all []effect
	w.must(cur.All(w.Context(), &all))
	runs := map[lgtask.TaskID][]effect{}
	for _, e := range all {
		runs[e.ID.Task] = append(runs[e.ID.Task], e)
	}
	return runs
}

// ran waits until a task has run, or begun to, n times, and returns these runs.
func (w *world) ran(id lgtask.TaskID, n int) []effect {
	w.Helper()
	var runs []effect
	w.eventually(fmt.Sprintf("run %d of task %s", n, id), func() bool {
		cur, err := effects(w.db).Find(w.Context(), bson.D{{Key: "_id.task", Value: id}}, options.Find().SetSort(bson.D{{Key: "from", Value: 1}}))
		w.must(err)
		w.must(cur.All(w.Context(), &runs))
		return len(runs) >= n
	})
	return runs
}

// stored reads all tasks.
func (w *world) stored() map[lgtask.TaskID]lgtask.Task {
	w.Helper()
	all := map[lgtask.TaskID]lgtask.Task{}
	f := lgtask.TaskFilter{Limit: 5000}
	for {
		page, err := w.conn.Tasks(w.Context(), f)
		w.must(err)
		for _, t := range page {
			all[t.ID] = t
		}
		if len(page) < int(f.Limit) {
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}

// empty wants no process to be left in the database.
func (w *world) empty() {
	w.Helper()
	infos, err := w.conn.Processors(w.Context())
	w.must(err)
	if len(infos) > 0 {
		w.Errorf("processes are left in the database: %+v", infos)
	}
}

// percentiles are those of some times.
func percentiles(ds []time.Duration) string {
	if len(ds) == 0 {
		return "none"
	}
	at := func(p int) time.Duration { return percentile(ds, p).Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v, p99 %v, max %v (%d)", at(50), at(99), at(100), len(ds))
}

func percentile(ds []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[(len(sorted)-1)*p/100]
}
