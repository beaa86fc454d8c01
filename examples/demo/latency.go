package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lgtask/lgtask"
)

// percentile returns the smallest of the sorted values that at least p percent
// of them do not exceed, 0 if there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// times are how long the tasks of a class waited and ran.
type times struct {
	waited []time.Duration // from the enqueueing, or the due time if that is later, to the start
	ran    []time.Duration // from the start to the end
}

// figures are what the task documents tell about the whole run.
type figures struct {
	tasks       int
	first, last time.Time // the first enqueueing and the last end
	classes     map[string]*times
}

// add takes in a task that succeeded.
func (f *figures) add(t lgtask.Task) {
	if f.classes == nil {
		f.classes = map[string]*times{}
	}
	if f.classes[t.TaskClass] == nil {
		f.classes[t.TaskClass] = &times{}
	}
	from := t.TsInsert
	if t.TsRequest.After(from) {
		from = t.TsRequest
	}
	c := f.classes[t.TaskClass]
	c.waited = append(c.waited, t.TsStart.Sub(from))
	c.ran = append(c.ran, t.TsStop.Sub(t.TsStart))
	f.tasks++
	if f.first.IsZero() || t.TsInsert.Before(f.first) {
		f.first = t.TsInsert
	}
	if t.TsStop.After(f.last) {
		f.last = t.TsStop
	}
}

// runs returns how many tasks of a class there were.
func (f *figures) runs(class string) int64 {
	if c := f.classes[class]; c != nil {
		return int64(len(c.ran))
	}
	return 0
}

// String is the table of the figures.
func (f *figures) String() string {
	var b strings.Builder
	took := f.last.Sub(f.first)
	fmt.Fprintf(&b, "%s tasks in %s", grouped(int64(f.tasks)), short(took))
	if took > 0 {
		fmt.Fprintf(&b, ": %s tasks/s", grouped(int64(float64(f.tasks)/took.Seconds())))
	}
	fmt.Fprintf(&b, "\n\n%-10s %7s   %-26s   %s\n", "", "", "enqueued or due to start", "start to end")
	fmt.Fprintf(&b, "%-10s %7s", "class", "tasks")
	for range 2 {
		fmt.Fprintf(&b, "   %8s %8s %8s", "p50", "p90", "p99")
	}
	b.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(f.classes)) {
		c := f.classes[name]
		fmt.Fprintf(&b, "%-10s %7s", name, grouped(int64(len(c.ran))))
		for _, values := range [][]time.Duration{c.waited, c.ran} {
			sorted := slices.Sorted(slices.Values(values))
			fmt.Fprintf(&b, "   %8s %8s %8s", short(percentile(sorted, 50)), short(percentile(sorted, 90)), short(percentile(sorted, 99)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// readFigures reads the times of all tasks of these classes that succeeded.
func readFigures(ctx context.Context, conn *lgtask.Connection, classes []string) (*figures, error) {
	const page = 5000
	var f figures
	for _, class := range classes {
		filter := lgtask.TaskFilter{TaskClass: class, States: []lgtask.State{lgtask.StateSuccess}, Limit: page}
		for {
			ts, err := conn.Tasks(ctx, filter)
			if err != nil {
				return nil, err
			}
			for _, t := range ts {
				f.add(t)
			}
			if len(ts) < page {
				break
			}
			filter.Before = ts[len(ts)-1].ID
		}
	}
	return &f, nil
}
