//go:build faults && unix

package database

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// verdict is what the judge found, for the figures of a test.
type verdict struct {
	acked, ended   int
	again          int // runs beyond the first of each task
	unknown        int // outcomes of enqueues
	refused        int
	settled        time.Duration // until all had ended
	claims, givens int           // claims in the oplog, and tasks that went back
	waits          span          // from the acknowledgement to the first run
}

var live = lgtask.TaskFilter{States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}}

// settle waits until nothing waits or is going, for at most a lease, a sweep and what
// has piled up.
func (w *world) settle() time.Duration {
	w.Helper()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		n, err := w.conn.CountTasks(ctx, live)
		cancel()
		if err == nil && n == 0 {
			return time.Since(began)
		}
		if time.Since(began) > lease+sweep+time.Minute {
			left, more := w.conn.Tasks(w.Context(), live)
			w.Fatalf("%d tasks have not ended (%v): %+v, %v", n, err, left[:min(len(left), 3)], more)
		}
		w.lasts(50 * time.Millisecond)
	}
}

// judge waits until all has ended, and compares what was acknowledged, what is
// stored, what ran, and what the oplog tells:
//
//   - every task whose enqueue was acknowledged is there, and has ended well;
//   - every one ran, and no more often than it was claimed;
//   - each claim ended in at most one way, each task once, each change of state is an
//     allowed one;
//   - the rules of the database hold, see taskstest.CheckInvariants.
func (w *world) judge() verdict {
	w.Helper()
	v := verdict{settled: w.settle()}
	tasks := w.stored()
	var stories map[lgtask.TaskID]*story
	if !w.rolls {
		stories = w.stories()
	}
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	v.acked, v.unknown, v.refused = len(w.book.acked), w.book.unknown, w.book.refused
	for id := range w.book.acked {
		if _, there := tasks[id]; !there {
			w.Errorf("%s was acknowledged and is not there", id)
		}
	}
	ran := map[lgtask.TaskID]int{}
	for _, r := range w.book.runs {
		if ran[r.id]++; ran[r.id] > 1 {
			v.again++
		} else if acked, is := w.book.acked[r.id]; is {
			v.waits = append(v.waits, max(r.from.Sub(acked), 0))
		}
	}
	for id, t := range tasks {
		v.ended++
		s := stories[id]
		switch {
		case t.State == lgtask.StateAborted && t.LastLog == "unscheduled":
		case t.State != lgtask.StateSuccess:
			w.Errorf("%s ended as %s: %s", id, t.State, t.LastLog)
		case ran[id] == 0:
			w.Errorf("%s succeeded and never ran", id)
		case s == nil && w.rolls:
			continue
		case s == nil:
			w.Errorf("%s is not in the oplog", id)
			continue
		case ran[id] > len(s.tokens):
			w.Errorf("%s ran %d times and was claimed %d times", id, ran[id], len(s.tokens))
		}
		for _, problem := range s.problems() {
			w.Errorf("%s: %s: %v", id, problem, s.states)
		}
		v.claims += len(s.tokens)
		v.givens += s.givens
	}
	for id := range ran {
		if _, there := tasks[id]; !there {
			w.Errorf("%s ran and is not there", id)
		}
	}
	taskstest.CheckInvariants(w.within(time.Minute), w.T, w.db)
	return v
}

// clear begins a new story in the same world: all that there was has been judged.
func (w *world) clear() {
	w.Helper()
	_, err := w.raw().DeleteMany(w.within(time.Minute), bson.D{})
	w.must(err)
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	w.book.acked, w.book.runs, w.book.unknown, w.book.refused = map[lgtask.TaskID]time.Time{}, nil, 0, 0
}

// stored reads all tasks.
func (w *world) stored() map[lgtask.TaskID]lgtask.Task {
	w.Helper()
	all := map[lgtask.TaskID]lgtask.Task{}
	f := lgtask.TaskFilter{Limit: 5000}
	for {
		page, err := w.conn.Tasks(w.within(time.Minute), f)
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
