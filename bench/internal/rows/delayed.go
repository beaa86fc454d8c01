package rows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// ahead is how long before the first of them is due the tasks are inserted.
const ahead = 2 * time.Second

// delayedLateness is the time from the instant at which a delayed task is due to
// the start of its handler, on the clock of the machine, which is that of the
// server too. One that starts early fails the row.
func delayedLateness(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "delayed_lateness"
	n := e.Sizes.Delayed
	series := report.NewSeries(name, "ms", report.Params{
		"tasks": n, "over_seconds": e.Sizes.DelayedOver.Seconds(), "processes": 2, "processors": few,
		"raw": "a timer, acknowledged conditional update by _id",
	})
	for round := range e.Rounds {
		var bare, mine []float64
		err := e.round(round, name, alone(func() error {
			return e.on(ctx, n, func(s *stage) (err error) {
				bare, err = s.fireRaw(ctx, n)
				return err
			})
		}), ours(func() error {
			return e.on(ctx, n, func(s *stage) (err error) {
				mine, err = s.fire(ctx, n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(stats.Percentile(mine, 50), stats.Percentile(bare, 50), n)
		series.Sample(mine...)
		series.Beside("raw_p99", stats.Percentile(bare, 99))
		series.Beside("earliest_ms", stats.Percentile(mine, 0))
	}
	return series, nil
}

// instants returns when each of n tasks is due that are spread over a time, and
// notes it on the board. The first is due the given time from now.
func (s *stage) instants(n int, over, ahead time.Duration) func(i int) time.Time {
	first := time.Now().Add(ahead).Truncate(time.Millisecond)
	step := over / time.Duration(n)
	due := func(i int) time.Time { return first.Add(time.Duration(i) * step).Truncate(time.Millisecond) }
	for i := range n {
		s.board.Ask(i, due(i))
	}
	return due
}

// fire has lgtask run n delayed tasks and returns their latenesses.
func (s *stage) fire(ctx context.Context, n int) ([]float64, error) {
	if _, err := s.working(ctx); err != nil {
		return nil, err
	}
	return s.delays(ctx, n, 0)
}

// delays inserts n delayed tasks and returns their latenesses when all have run.
// The clock of the worker is ahead by the given time, and so are the instants that
// it notes.
func (s *stage) delays(ctx context.Context, n int, by time.Duration) ([]float64, error) {
	due := s.instants(n, s.e.Sizes.DelayedOver, ahead)
	if _, err := raw.Spread(n, 32, func(i int) error {
		_, err := lgtask.Delayed(ctx, s.conn, lgtask.At(due(i)), job.New(i))
		return err
	}); err != nil {
		return nil, err
	}
	if left := time.Until(due(0)); left < 0 {
		return nil, fmt.Errorf("inserting %d delayed tasks took %v longer than the %v before the first is due", n, -left, ahead)
	}
	if err := s.started(ctx, n); err != nil {
		return nil, err
	}
	if err := s.finished(ctx); err != nil {
		return nil, err
	}
	late := s.latencies(n)
	for i := range late {
		late[i] -= ms(by)
	}
	return late, errors.Join(noneEarly(late), s.ran(ctx, n))
}

// noneEarly returns an error if a task started before it was due.
func noneEarly(late []float64) error {
	for i, l := range late {
		if l < 0 {
			return fmt.Errorf("task %d started %.3f ms before it was due", i, -l)
		}
	}
	return nil
}

// fireRaw does the same with timers and conditional updates.
func (s *stage) fireRaw(ctx context.Context, n int) ([]float64, error) {
	due := s.instants(n, s.e.Sizes.DelayedOver, ahead)
	if err := raw.Bulk(ctx, s.tasks, 0, n, due); err != nil {
		return nil, err
	}
	if err := raw.Fire(ctx, s.tasks, s.board, due); err != nil {
		return nil, err
	}
	return s.latencies(n), s.ran(ctx, n)
}
