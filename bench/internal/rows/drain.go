package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/tasks"
)

// What "raw" is in a drain.
var rawDrain = fmt.Sprintf("one find, and two updateMany (claim, finish) of %d ids each, %d commands under way", raw.DrainBatch, raw.DrainInFlight)

// drained is what a drain showed.
type drained struct {
	rate    float64       // tasks a second, from the return of Start to the end of the last task
	all     float64       // the same from the call of Start
	running float64       // of those that started when all processes had, from then on
	start   time.Duration // that Start took, from the first call to the last return
	updates float64       // update statements a task
	counts  roles.Counts
}

// drain lets the processes, connected but not yet started, run the n tasks that
// wait. It counts from the first return of Start, or the first start of a handler
// if that was earlier, to the first look at the database that finds no task
// claimed, after all have started. It looks every millisecond.
func (s *stage) drain(ctx context.Context, f fleet, n int) (d drained, err error) {
	before, err := s.counters(ctx)
	if err != nil {
		return d, err
	}
	called, returned, last, err := f.start(ctx)
	if err != nil {
		return d, err
	}
	d.start = last.Sub(called)
	if err := s.started(ctx, n); err != nil {
		return d, err
	}
	if err := s.finished(ctx); err != nil {
		return d, err
	}
	end := time.Now()
	if first := s.board.First(); first.Before(returned) {
		returned = first
	}
	d.rate, d.all = float64(n)/end.Sub(returned).Seconds(), float64(n)/end.Sub(called).Seconds()
	d.running = float64(s.board.StartedAfter(last)) / end.Sub(last).Seconds()
	after, err := s.counters(ctx)
	if err != nil {
		return d, err
	}
	d.updates = float64(after.updates-before.updates) / float64(n)
	if d.counts, err = f.counts(ctx); err != nil {
		return d, err
	}
	return d, s.ran(ctx, n)
}

// drainOurs is a drain on a stage of its own.
func (e *Env) drainOurs(ctx context.Context, n, processes, processors int) (d drained, err error) {
	err = e.on(ctx, n, func(s *stage) error {
		if err := raw.Bulk(ctx, s.tasks, 0, n, nil); err != nil {
			return err
		}
		f, err := s.workers(ctx, processes, processors, job.NoopClass)
		if err != nil {
			return err
		}
		d, err = s.drain(ctx, f, n)
		return err
	})
	return d, err
}

// drainRaw does the same with the operations alone, and returns tasks a second.
func (e *Env) drainRaw(ctx context.Context, n int) (rate float64, err error) {
	err = e.on(ctx, 0, func(s *stage) error {
		if err := raw.Bulk(ctx, s.tasks, 0, n, nil); err != nil {
			return err
		}
		took, err := raw.Drain(ctx, s.tasks, n)
		rate = float64(n) / took.Seconds()
		if err != nil {
			return err
		}
		return s.states(ctx, map[tasks.State]int{tasks.Success: n})
	})
	return rate, err
}

// fit warms up the server by draining a few tasks, and returns how many to drain
// then: fewer than wanted if these would take longer than the budget.
func (e *Env) fit(ctx context.Context, wanted, few int, budget time.Duration, drain func(n int) (drained, error)) (int, error) {
	if few == 0 {
		return wanted, nil
	}
	if _, err := e.drainRaw(ctx, few); err != nil {
		return 0, fmt.Errorf("trial, MongoDB alone: %w", err)
	}
	d, err := drain(few)
	if err != nil {
		return 0, fmt.Errorf("trial, lgtask: %w", err)
	}
	n := min(wanted, max(few, int(d.rate*budget.Seconds())))
	if n < wanted {
		e.Log("%.0f tasks/s in a trial: %d tasks instead of %d", d.rate, n, wanted)
	}
	return n, nil
}

// fitOurs is fit for drainOurs.
func (e *Env) fitOurs(ctx context.Context, wanted, processes, processors int) (int, error) {
	return e.fit(ctx, wanted, e.Sizes.Trial, e.Sizes.Budget, func(n int) (drained, error) {
		return e.drainOurs(ctx, n, processes, processors)
	})
}

// tasksParam puts the number of tasks into the parameters, with the intended one
// if it is another.
func tasksParam(p report.Params, n, wanted int) report.Params {
	if p["tasks"] = n; n < wanted {
		p["tasks_intended"] = wanted
	}
	return p
}

// drainRow drains with one process.
func drainRow(name string, processors int) Row {
	return single(name, func(ctx context.Context, e *Env) (*report.Series, error) {
		n, err := e.fitOurs(ctx, e.Sizes.Drain, 1, processors)
		if err != nil {
			return nil, err
		}
		series := report.NewSeries(name, "tasks/s", tasksParam(report.Params{
			"processes": 1, "processors": processors, "raw": rawDrain, "from": "the return of Start", "to": "no task is claimed any more",
		}, n, e.Sizes.Drain))
		for round := range e.Rounds {
			var bare float64
			var d drained
			err := e.round(round, name, alone(func() (err error) {
				bare, err = e.drainRaw(ctx, n)
				return err
			}), ours(func() (err error) {
				d, err = e.drainOurs(ctx, n, 1, processors)
				return err
			}))
			if err != nil {
				return nil, err
			}
			series.Add(d.rate, bare, n)
			series.Beside("start_ms", ms(d.start))
			series.Beside("from_call_of_start", d.all)
			series.Beside("update_statements_per_task", d.updates)
		}
		return series, nil
	})
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
