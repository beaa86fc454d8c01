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
	"github.com/lgtask/lgtask/tasks"
)

// killRow kills running tasks one by one and measures from the call of KillTask to the
// end of the handler's context, in another process, which has nothing else to do or
// drains tasks meanwhile. The value is the p50 of a round; "raw" is the time in which
// MongoDB alone tells another process of a write while nothing else goes on.
func killRow(name string, busy bool) Row {
	return single(name, func(ctx context.Context, e *Env) (*report.Series, error) {
		n, drain := e.Sizes.Kills, 0
		if busy {
			drain = e.Sizes.Drain
		}
		series := report.NewSeries(name, "ms", report.Params{
			"kills": n, "drained": drain, "processes": 2, "processors": few, "raw": "one at a time and nothing else: insertOne to its event in another process",
		})
		for round := range e.Rounds {
			var bare reaction
			var mine []float64
			err := e.round(round, name, alone(func() (err error) {
				bare, err = e.reactionRaw(ctx, n)
				return err
			}), ours(func() error {
				return e.on(ctx, n+drain, func(s *stage) (err error) {
					mine, err = s.killing(ctx, n, drain)
					return err
				})
			}))
			if err != nil {
				return nil, err
			}
			series.Add(stats.Percentile(mine, 50), stats.Percentile(bare.seen, 50), len(mine))
			series.Sample(mine...)
			beside(series, mine)
		}
		return series, nil
	})
}

// killing kills n tasks while as many others are drained, and returns how long each
// took to notice, in milliseconds. Those that were killed after the drain do not count.
func (s *stage) killing(ctx context.Context, n, drain int) ([]float64, error) {
	if drain > 0 {
		if err := raw.BulkOf(ctx, s.tasks, job.Kind{}, n, drain, nil); err != nil {
			return nil, err
		}
	}
	f, err := s.workers(ctx, 1, few, job.NoopClass, job.EndlessClass)
	if err != nil {
		return nil, err
	}
	if _, _, _, err := f.start(ctx); err != nil {
		return nil, err
	}
	for i := range n {
		if err := s.killOne(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := s.started(ctx, n+drain); err != nil {
		return nil, err
	}
	if err := s.finished(ctx); err != nil {
		return nil, err
	}
	want := map[tasks.State]int{tasks.Error: n}
	if drain > 0 {
		want[tasks.Success] = drain
	}
	if err := errors.Join(s.states(ctx, want), s.startedOnce(n+drain)); err != nil {
		return nil, err
	}
	end := s.lastStart(n, drain)
	var found []float64
	for i := range n {
		if drain == 0 || s.board.Asked(i).Before(end) {
			found = append(found, ms(s.board.Sight(i)))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("all %d tasks had started when the first was killed", drain)
	}
	return found, nil
}

// killOne starts a task that does not end by itself, kills it, and waits until it has
// noticed.
func (s *stage) killOne(ctx context.Context, i int) error {
	res, err := lgtask.Create(ctx, s.conn, job.Kind{Class: job.EndlessClass}.New(i), lgtask.WithPriority(urgent))
	if err != nil {
		return err
	}
	if err := s.until(ctx, "the task to start", func() bool { return s.board.Starts(i) > 0 }); err != nil {
		return err
	}
	s.board.Ask(i, time.Now())
	if err := s.conn.KillTask(ctx, res.ID); err != nil {
		return err
	}
	return s.until(ctx, "its context to end", func() bool { return s.board.Seen(i) })
}

// until waits for something that is noted on the board.
func (s *stage) until(ctx context.Context, what string, done func() bool) error {
	return s.wait(ctx, func(context.Context) (bool, int64, error) { return done(), 0, nil },
		func(int64) string { return "waiting for " + what })
}
