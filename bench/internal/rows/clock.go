package rows

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
	"github.com/lgtask/lgtask/internal/skew"
)

// wrong is how far the clock of a process is from that of the server.
const wrong = 5 * time.Second

// program is that of the benchmark, whose processes play the roles.
const program = "github.com/lgtask/lgtask/bench"

// clockAhead is delayedLateness with a worker whose clock is 5 s ahead of the
// server's, and, in the parameters, one whose clock is as far behind; "raw" is the
// same with the right clock. Every process runs the same program, which has to be
// built for it first: see package skew. One task that starts early fails the row.
func clockAhead(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "clock_ahead"
	n := e.Sizes.Delayed
	e.Log("%s: building a program whose clock can be wrong", name)
	path := filepath.Join(e.Dir, "skewed")
	if err := skew.Build(ctx, program, path); err != nil {
		return nil, err
	}
	series := report.NewSeries(name, "ms", report.Params{
		"tasks": n, "over_seconds": e.Sizes.DelayedOver.Seconds(), "processes": 2, "processors": few,
		"ahead_ms": ms(wrong), "raw": "lgtask with the right clock",
	})
	for round := range e.Rounds {
		var right, ahead, behind []float64
		with := func(by time.Duration, late *[]float64) func() error {
			return func() error {
				return e.on(ctx, n, func(s *stage) (err error) {
					*late, err = s.fireSkewed(ctx, path, by, n)
					return err
				})
			}
		}
		err := e.round(round, name, side{"the right clock", with(0, &right)}, side{"a clock ahead", with(wrong, &ahead)},
			side{"a clock behind", with(-wrong, &behind)})
		if err != nil {
			return nil, err
		}
		series.Add(stats.Percentile(ahead, 50), stats.Percentile(right, 50), n)
		series.Sample(ahead...)
		beside(series, ahead)
		series.Beside("earliest_ms", stats.Percentile(ahead, 0))
		series.Beside("behind_p50", stats.Percentile(behind, 50))
		series.Beside("behind_p99", stats.Percentile(behind, 99))
	}
	return series, nil
}

// fireSkewed is fire with a worker whose clock is wrong.
func (s *stage) fireSkewed(ctx context.Context, path string, by time.Duration, n int) ([]float64, error) {
	if err := s.skewed(ctx, path, by); err != nil {
		return nil, err
	}
	return s.delays(ctx, n, by)
}

// skewed starts a worker whose clock is wrong, and makes sure that it is.
func (s *stage) skewed(ctx context.Context, path string, by time.Duration) error {
	c, err := child.StartProgram(ctx, path, []string{skew.Env(by)}, roles.WorkerRole, s.worker(few, job.NoopClass))
	if err != nil {
		return err
	}
	s.cast = append(s.cast, c)
	before := time.Now()
	called, _, returned, err := (fleet{c}).start(ctx)
	if err != nil {
		return err
	}
	if called.Add(-by).Before(before) || returned.Add(-by).After(time.Now()) {
		return fmt.Errorf("the worker started from %v to %v by its clock, which was to be wrong by %v, at %v by the right one", called, returned, by, before)
	}
	return nil
}
