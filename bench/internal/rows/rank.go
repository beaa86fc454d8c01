package rows

import (
	"context"
	"errors"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// death is what becomes of a process that the others still take to be alive.
type death func(s *stage, c *child.Child) error

// killed ends it by SIGKILL.
func killed(s *stage, c *child.Child) error { return s.kill(c) }

// frozen stops it by SIGSTOP, until it is killed at the end of the stage.
func frozen(_ *stage, c *child.Child) error { return c.Freeze() }

// rankDeadRow has three processes of a class, one of which is dead since a moment
// and would be the first to claim every third task, and measures tasks one by one
// from the call of CreateTask in another process to the start. The value is the p90
// of a round, which is one of those; "raw" is lgtask with the other two alone.
func rankDeadRow(name string, die death) Row {
	return single(name, func(ctx context.Context, e *Env) (*report.Series, error) {
		const living = 2
		n := e.Sizes.Dead
		series := report.NewSeries(name, "ms", report.Params{
			"tasks": n, "every_ms": ms(e.Sizes.IdleEvery), "processes": living + 2, "processors": few, "dead": 1,
			"raw": "lgtask with the two living processes alone",
		})
		for round := range e.Rounds {
			var without, with []float64
			err := e.round(round, name, side{"none is dead", func() error {
				return e.on(ctx, n, func(s *stage) (err error) {
					without, err = s.survivors(ctx, living, n, nil)
					return err
				})
			}}, side{"one is dead", func() error {
				return e.on(ctx, n, func(s *stage) (err error) {
					with, err = s.survivors(ctx, living, n, die)
					return err
				})
			}})
			if err != nil {
				return nil, err
			}
			ps := []float64{50, 90, 99}
			a, b := stats.Percentiles(without, ps...), stats.Percentiles(with, ps...)
			series.Add(b[1], a[1], n)
			series.Sample(with...)
			for i, what := range []string{"p50_costs_ms", "p90_costs_ms", "p99_costs_ms"} {
				series.Beside(what, b[i]-a[i])
			}
			beside(series, with)
		}
		return series, nil
	})
}

// survivors measures n tasks one by one, taken by the given number of processes
// and, unless die is nil, left by a dead one.
func (s *stage) survivors(ctx context.Context, living, n int, die death) (late []float64, err error) {
	processes := living
	if die != nil {
		processes++
	}
	f, err := s.workers(ctx, processes, few, job.NoopClass)
	if err != nil {
		return nil, err
	}
	if _, _, _, err := f.start(ctx); err != nil {
		return nil, err
	}
	p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, s.e.Sizes.Known); err != nil {
		return nil, err
	}
	if die != nil {
		dead := f[0]
		if err := die(s, dead); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.bury(dead)) }()
	}
	err = s.paced(ctx, p, roles.Pace{N: n, Every: s.e.Sizes.IdleEvery})
	return s.latencies(n), err
}
