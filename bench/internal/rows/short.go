package rows

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// behind is how many short tasks come after a long one in a burst.
const behind = 20

// mix is how long and short tasks come.
type mix struct {
	processes, processors int // of each
	short                 job.Kind
	steady                bool // both at a pace of their own, not in bursts
}

// mixes are what is measured, by the name of its p99 among the parameters. In none
// are there ever more long tasks than processors less two.
var mixes = map[string]mix{
	"p99_one_process":              {1, 2, job.Kind{}, false},
	"p99_one_process_same_class":   {1, 2, job.Kind{Class: job.NapClass}, false},
	"p99_two_processes":            {2, 1, job.Kind{}, false},
	"p99_two_processes_same_class": {2, 1, job.Kind{Class: job.NapClass}, false},
	"p99_steady":                   {2, 4, job.Kind{}, true},
}

// shortBehindLong inserts tasks that do nothing behind one that takes a second,
// while another processor of the same process or of another is free, and measures
// from the call of CreateTask in another process to the start of the short ones.
// The value is the largest p99 of the mixes of a round; "raw" is that of the reaction
// of MongoDB alone while nothing else goes on.
func shortBehindLong(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "short_behind_long"
	series := report.NewSeries(name, "ms", report.Params{
		"bursts": e.Sizes.Bursts, "short_in_a_burst": behind, "long_ms": ms(e.Sizes.Long), "steady_seconds": e.Sizes.Mixed.Seconds(),
		"raw": "one at a time and nothing else: insertOne, its event in another process, acknowledged conditional update by _id",
	})
	for round := range e.Rounds {
		var bare reaction
		var mine []float64
		var worst float64
		err := e.round(round, name, alone(func() (err error) {
			bare, err = e.reactionRaw(ctx, e.Sizes.Idle)
			return err
		}), ours(func() error {
			for _, what := range slices.Sorted(maps.Keys(mixes)) {
				late, err := e.mixed(ctx, mixes[what])
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
				p99 := stats.Percentile(late, 99)
				worst = max(worst, p99)
				series.Beside(what, p99)
				mine = append(mine, late...)
			}
			return nil
		}))
		if err != nil {
			return nil, err
		}
		series.Add(worst, stats.Percentile(bare.claimed, 99), len(mine))
		series.Sample(mine...)
		series.Beside("most_ms", stats.Percentile(mine, 100))
	}
	return series, nil
}

// mixed measures one of the mixes and returns the latencies of the short tasks.
func (e *Env) mixed(ctx context.Context, m mix) (late []float64, err error) {
	measure, n := (*stage).bursts, e.Sizes.Bursts*(1+behind)
	if m.steady {
		measure, n = (*stage).together, e.longs()+e.shorts()
	}
	err = e.on(ctx, n, func(s *stage) error {
		f, err := s.workers(ctx, m.processes, m.processors, job.NoopClass, job.NapClass)
		if err != nil {
			return err
		}
		if _, _, _, err := f.start(ctx); err != nil {
			return err
		}
		if m.processes > 1 {
			if err := sleep(ctx, s.e.Sizes.Known); err != nil {
				return err
			}
		}
		late, err = measure(s, ctx, m)
		return err
	})
	return late, err
}

// bursts inserts a long task and the short ones behind it, several times. The next
// burst comes when the last has ended.
func (s *stage) bursts(ctx context.Context, m mix) (late []float64, err error) {
	p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
	if err != nil {
		return nil, err
	}
	for k := range s.e.Sizes.Bursts {
		first := k * (1 + behind)
		if err := p.Call(ctx, "pace", roles.Pace{First: first, N: 1, Kind: s.long()}, nil); err != nil {
			return nil, err
		}
		if err := s.paced(ctx, p, roles.Pace{First: first + 1, N: behind, Every: time.Millisecond, Kind: m.short}); err != nil {
			return nil, err
		}
		late = append(late, s.latenciesFrom(first+1, behind)...)
	}
	return late, nil
}

// long is the kind of the long tasks.
func (s *stage) long() job.Kind { return job.Kind{Class: job.NapClass, Lasts: s.e.Sizes.Long} }

// With a long task six times in the time that it takes, and as a rule no more,
// two of eight processors are free.
const shortEvery = 2 * time.Millisecond

func (e *Env) longEvery() time.Duration { return e.Sizes.Long * 17 / 100 }
func (e *Env) longs() int               { return int(e.Sizes.Mixed / e.longEvery()) }
func (e *Env) shorts() int              { return int(e.Sizes.Mixed / shortEvery) }

// together inserts long and short tasks by two processes, each evenly. The long
// ones have the first numbers.
func (s *stage) together(ctx context.Context, m mix) ([]float64, error) {
	paces := []roles.Pace{
		{N: s.e.longs(), Every: s.e.longEvery(), Open: true, Kind: s.long()},
		{First: s.e.longs(), N: s.e.shorts(), Every: shortEvery, Open: true, Kind: m.short},
	}
	var by fleet
	for range paces {
		c, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
		if err != nil {
			return nil, err
		}
		by = append(by, c)
	}
	if err := by.each(func(i int, c *child.Child) error { return c.Call(ctx, "pace", paces[i], nil) }); err != nil {
		return nil, err
	}
	n := s.e.longs() + s.e.shorts()
	if err := s.started(ctx, n); err != nil {
		return nil, err
	}
	if err := s.finished(ctx); err != nil {
		return nil, err
	}
	return s.latenciesFrom(s.e.longs(), s.e.shorts()), s.ran(ctx, n)
}
