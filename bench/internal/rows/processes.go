package rows

import (
	"context"

	"github.com/lgtask/lgtask/bench/internal/report"
)

// drainProcesses drains with 16 processes of 4 processors; "raw" is one process
// with as many processors. It counts what starts when all of them have: sixteen take
// most of a second on two cores to start.
func drainProcesses(ctx context.Context, e *Env) (*report.Series, error) {
	const name, processes, each = "drain_16_processes", 16, 4
	n := e.Sizes.Drain
	series := report.NewSeries(name, "tasks/s", report.Params{
		"tasks": n, "processes": processes, "processors": each, "raw": "lgtask with 1 process of 64 processors",
		"from": "the last return of Start", "to": "no task is claimed any more",
	})
	for round := range e.Rounds {
		var one, many drained
		err := e.round(round, name, side{"1 process", func() (err error) {
			one, err = e.drainOurs(ctx, n, 1, processes*each)
			return err
		}}, side{"16 processes", func() (err error) {
			many, err = e.drainOurs(ctx, n, processes, each)
			return err
		}})
		if err != nil {
			return nil, err
		}
		series.Add(many.running, one.running, n)
		series.Beside("start_ms", ms(many.start))
		series.Beside("from_call_of_start", many.all)
		series.Beside("lost_per_task", lost(many.counts.Asked, many.counts.Won, n))
		series.Beside("update_statements_per_task", many.updates)
	}
	return series, nil
}
