package rows

import (
	"context"
	"time"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// few is how many processors a process has where tasks come one by one.
const few = 10

// reaction is what MongoDB alone takes, in milliseconds: from the call of an
// insert to its event in another process, and to the acknowledged claim there.
type reaction struct{ seen, claimed []float64 }

// reactionRaw measures n tasks, one by one.
func (e *Env) reactionRaw(ctx context.Context, n int) (r reaction, err error) {
	err = e.on(ctx, n, func(s *stage) error {
		if _, err := s.hire(ctx, roles.FollowerRole, roles.Setup{}); err != nil {
			return err
		}
		p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{Raw: true})
		if err != nil {
			return err
		}
		if err := s.paced(ctx, p, roles.Pace{N: n, Every: e.Sizes.IdleEvery}); err != nil {
			return err
		}
		for i := range n {
			r.seen = append(r.seen, ms(s.board.Sight(i)))
			r.claimed = append(r.claimed, ms(s.board.Latency(i)))
		}
		return nil
	})
	return r, err
}

// latencies returns those of the first n tasks, in milliseconds.
func (s *stage) latencies(n int) []float64 { return s.latenciesFrom(0, n) }

// latenciesFrom returns those of the n tasks from the given one on.
func (s *stage) latenciesFrom(first, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = ms(s.board.Latency(first + i))
	}
	return all
}

// working starts a process with a few processors.
func (s *stage) working(ctx context.Context) (fleet, error) {
	f, err := s.workers(ctx, 1, few, job.NoopClass)
	if err != nil {
		return nil, err
	}
	_, _, _, err = f.start(ctx)
	return f, err
}

// idleLatency is the time from the call of CreateTask in one process to the start
// of the handler in another, tasks one by one. The value is the p50 of a round.
func idleLatency(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "idle_latency"
	n := e.Sizes.Idle
	series := report.NewSeries(name, "ms", report.Params{
		"tasks": n, "every_ms": ms(e.Sizes.IdleEvery), "processes": 2, "processors": few,
		"raw": "insertOne, its event in another process, acknowledged conditional update by _id",
	})
	for round := range e.Rounds {
		var bare reaction
		var mine []float64
		err := e.round(round, name, alone(func() (err error) {
			bare, err = e.reactionRaw(ctx, n)
			return err
		}), ours(func() error {
			return e.on(ctx, n, func(s *stage) error {
				if _, err := s.working(ctx); err != nil {
					return err
				}
				p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
				if err != nil {
					return err
				}
				err = s.paced(ctx, p, roles.Pace{N: n, Every: e.Sizes.IdleEvery})
				mine = s.latencies(n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		p50, seen := stats.Percentile(mine, 50), stats.Percentile(bare.seen, 50)
		series.Add(p50, stats.Percentile(bare.claimed, 50), n)
		series.Sample(mine...)
		series.Beside("raw_event", seen)
		series.Beside("ratio_event", p50/seen)
		series.Beside("raw_p99", stats.Percentile(bare.claimed, 99))
	}
	return series, nil
}

// idleLatencyLocal is the same within one process. "raw" is an acknowledged
// insertOne.
func idleLatencyLocal(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "idle_latency_local"
	n := e.Sizes.Idle
	pace := roles.Pace{N: n, Every: e.Sizes.IdleEvery}
	series := report.NewSeries(name, "ms", report.Params{
		"tasks": n, "every_ms": ms(e.Sizes.IdleEvery), "processes": 1, "processors": few, "raw": "acknowledged insertOne",
	})
	for round := range e.Rounds {
		var inserts, mine, acks []float64
		err := e.round(round, name, alone(func() error {
			return e.on(ctx, n, func(s *stage) error {
				p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{Raw: true})
				if err != nil {
					return err
				}
				if err := p.Call(ctx, "pace", pace, nil); err != nil {
					return err
				}
				inserts = s.acks(n)
				return s.waiting(ctx, n)
			})
		}), ours(func() error {
			return e.on(ctx, n, func(s *stage) error {
				f, err := s.working(ctx)
				if err != nil {
					return err
				}
				err = s.paced(ctx, f[0], pace)
				mine, acks = s.latencies(n), s.acks(n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(stats.Percentile(mine, 50), stats.Percentile(inserts, 50), n)
		series.Sample(mine...)
		series.Beside("call_p50", stats.Percentile(acks, 50))
	}
	return series, nil
}

// acks returns how long the inserts of the first n tasks took, in milliseconds.
func (s *stage) acks(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = ms(s.board.Acked(i))
	}
	return all
}

// beside notes p99 and maximum of a round.
func beside(series *report.Series, ms []float64) {
	p := stats.Percentiles(ms, 99, 100)
	series.Beside("p99_ms", p[0])
	series.Beside("most_ms", p[1])
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
