package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// urgent is the priority of the tasks that overtake the others, of priority 0.
const urgent = 9

// priorityRow drains tasks of a kind while another process inserts some of high
// priority, one after the other and spread over the drain, and measures from the
// call of CreateTask to the start of each of these. The value is the p50 of a
// round; "raw" is the reaction of MongoDB alone while nothing else goes on.
func priorityRow(name string, processors int, kind job.Kind) Row {
	return single(name, func(ctx context.Context, e *Env) (*report.Series, error) {
		n := e.Sizes.Drain
		series := report.NewSeries(name, "ms", report.Params{
			"tasks": n, "each_ms": ms(kind.Lasts), "urgent": e.Sizes.Urgent, "processes": 2, "processors": processors,
			"raw": "one at a time and nothing else: insertOne, its event in another process, acknowledged conditional update by _id",
		})
		for round := range e.Rounds {
			var bare reaction
			var mine []float64
			err := e.round(round, name, alone(func() (err error) {
				bare, err = e.reactionRaw(ctx, e.Sizes.Urgent)
				return err
			}), ours(func() error {
				return e.on(ctx, n+e.Sizes.Urgent, func(s *stage) (err error) {
					mine, err = s.overtaking(ctx, processors, n, kind)
					return err
				})
			}))
			if err != nil {
				return nil, err
			}
			series.Add(stats.Percentile(mine, 50), stats.Percentile(bare.claimed, 50), len(mine))
			series.Sample(mine...)
			beside(series, mine)
		}
		return series, nil
	})
}

// overtaking drains n tasks that wait and returns the latencies of the urgent
// ones. Those that were asked for when all of the n had started do not count.
func (s *stage) overtaking(ctx context.Context, processors, n int, kind job.Kind) ([]float64, error) {
	if err := raw.BulkOf(ctx, s.tasks, kind, 0, n, nil); err != nil {
		return nil, err
	}
	f, err := s.workers(ctx, 1, processors, job.NoopClass, job.NapClass)
	if err != nil {
		return nil, err
	}
	p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
	if err != nil {
		return nil, err
	}
	if _, _, _, err := f.start(ctx); err != nil {
		return nil, err
	}
	k := s.e.Sizes.Urgent
	kind.Priority = urgent
	if err := s.paced(ctx, p, roles.Pace{First: n, N: k, Starts: max(1, n/(k+1)), Kind: kind}); err != nil {
		return nil, err
	}
	found := s.askedBefore(s.lastStart(0, n), n, k)
	if len(found) == 0 {
		return nil, fmt.Errorf("all %d tasks had started when the first of priority %d was inserted", n, urgent)
	}
	return found, nil
}

// lastStart returns when the last of the n tasks from the given one on started.
func (s *stage) lastStart(first, n int) (last time.Time) {
	for i := first; i < first+n; i++ {
		if at := s.board.Started(i); at.After(last) {
			last = at
		}
	}
	return last
}

// askedBefore returns the latencies, in milliseconds, of those of n tasks that
// were asked for before an instant.
func (s *stage) askedBefore(at time.Time, first, n int) (found []float64) {
	for i := first; i < first+n; i++ {
		if s.board.Asked(i).Before(at) {
			found = append(found, ms(s.board.Latency(i)))
		}
	}
	return found
}
