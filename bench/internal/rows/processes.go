package rows

import (
	"context"

	"github.com/lgtask/lgtask/bench/internal/report"
)

// drainProcesses drains with 16 processes of 4 processors; "raw" is one process
// with as many processors.
func drainProcesses(ctx context.Context, e *Env) (*report.Series, error) {
	const name, processes, each = "drain_16_processes", 16, 4
	n, err := e.fitOurs(ctx, e.Sizes.Drain, processes, each)
	if err != nil {
		return nil, err
	}
	series := report.NewSeries(name, "tasks/s", tasksParam(report.Params{
		"processes": processes, "processors": each, "raw": "lgtask with 1 process of 64 processors",
	}, n, e.Sizes.Drain))
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
		series.Add(many.rate, one.rate, n)
		series.Beside("start_ms", ms(many.start))
		series.Beside("from_call_of_start", many.all)
		series.Beside("lost_per_task", lost(many.counts.Asked, many.counts.Won, n))
		series.Beside("update_statements_per_task", many.updates)
	}
	return series, nil
}
