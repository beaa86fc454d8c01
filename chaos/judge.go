//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

type counter = atomic.Int64

// settleTime is how long everything may take to end once all is healed: the lease,
// retries, and what has piled up.
const settleTime = 3 * time.Minute

// settle waits until nothing waits or is going.
func (w *world) settle(ctx context.Context) error {
	began := time.Now()
	var open int64
	for {
		counting, cancel := context.WithTimeout(ctx, 10*time.Second)
		n, err := w.conn.CountTasks(counting, lgtask.TaskFilter{States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}})
		cancel()
		if open = n; err == nil && n == 0 {
			w.say("all has ended, %.1f s after the healing", time.Since(began).Seconds())
			return nil
		}
		if time.Since(began) > settleTime {
			return fmt.Errorf("%d tasks have not ended %v after the healing (%w)", open, settleTime, err)
		}
		w.restart()
		if err := wait(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// judge compares what was acknowledged, what is stored and what ran, and returns the
// promises that were broken.
func (w *world) judge(ctx context.Context) (broken []string, err error) {
	ran, err := w.runs(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := w.stored(ctx)
	if err != nil {
		return nil, err
	}
	blame := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for id := range w.acked {
		if _, there := tasks[id.String()]; !there {
			blame("%s was acknowledged and is not there", id)
		}
	}
	states, again, crashes := map[string]int{}, 0, 0
	for id, t := range tasks {
		states[string(t.State)]++
		crashes += t.Crashes
		runs := ran[id]
		most := 1 + t.Attempt + t.Crashes + w.fenced(t)
		switch {
		case t.State == lgtask.StateSuccess && runs == 0:
			blame("%s succeeded and never ran", id)
		case t.State == lgtask.StateError && t.Crashes < 3 && t.Attempt < 5:
			blame("%s ended as an error: %s", id, t.LastLog)
		case t.State != lgtask.StateSuccess && t.State != lgtask.StateError:
			blame("%s ended as %s: %s", id, t.State, t.LastLog)
		case runs > most:
			blame("%s ran %d times, with %d attempts and %d crashes", id, runs, t.Attempt, t.Crashes)
		}
		if runs > 1+t.Attempt {
			again += runs - 1 - t.Attempt
		}
	}
	for id, runs := range ran {
		if _, there := tasks[id]; !there {
			blame("%s ran %d times and is not there", id, runs)
		}
	}
	w.tell(states, again, crashes)
	return broken, nil
}

// fenced is how many runs may have been given back without a trace in the task: by a
// worker that was told to stop, or had lost its lease.
func (w *world) fenced(lgtask.Task) int {
	w.report.mu.Lock()
	defer w.report.mu.Unlock()
	return w.report.done["deploy a worker"] + w.report.done["freeze a worker beyond its lease"] + w.report.done["freeze the primary"] +
		w.report.done["cut a worker off beyond its lease"] + w.report.done["isolate the primary"]
}

func (w *world) tell(states map[string]int, again, crashes int) {
	fmt.Printf("%d enqueues acknowledged, %d unknown outcomes repeated, %d refused and repeated\n", len(w.acked), w.report.unknown.Load(), w.report.refused.Load())
	fmt.Printf("ended: %v; %d runs more than attempts; %d crashes counted\n", states, again, crashes)
	w.report.mu.Lock()
	defer w.report.mu.Unlock()
	var done []string
	for what, n := range w.report.done {
		done = append(done, fmt.Sprintf("%s × %d", what, n))
	}
	sort.Strings(done)
	fmt.Println(strings.Join(done, ", "))
	if r := slices.Sorted(slices.Values(w.report.resumed)); len(r) > 0 {
		fmt.Printf("enqueues went on %.1f s after a primary's end (median of %d, at most %.1f s)\n", r[len(r)/2], len(r), r[len(r)-1])
	}
}

// runs counts the effects of each task.
func (w *world) runs(ctx context.Context) (map[string]int, error) {
	cur, err := w.conn.Database().Collection("effects").Aggregate(ctx, mongo.Pipeline{
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$task"}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}}}}},
	})
	if err != nil {
		return nil, err
	}
	var docs []struct {
		ID string `bson:"_id"`
		N  int    `bson:"n"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, err
	}
	ran := map[string]int{}
	for _, d := range docs {
		ran[d.ID] = d.N
	}
	return ran, nil
}

// stored reads all tasks.
func (w *world) stored(ctx context.Context) (map[string]lgtask.Task, error) {
	tasks := map[string]lgtask.Task{}
	f := lgtask.TaskFilter{Limit: 1000}
	for {
		page, err := w.conn.Tasks(ctx, f)
		if err != nil || len(page) == 0 {
			return tasks, err
		}
		for _, t := range page {
			tasks[t.ID.String()] = t
		}
		f.Before = page[len(page)-1].ID
	}
}

func withDatabase(uri, name string) (string, error) {
	u, err := mongouri.Parse(uri)
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		return "", err
	}
	return u.Driver(), nil
}
