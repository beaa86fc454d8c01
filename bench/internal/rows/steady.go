package rows

import (
	"context"
	"time"

	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// steady offers 500 tasks a second, evenly and whatever becomes of those before,
// and counts from the instant at which each was meant to be enqueued to the start
// of its handler in another process. The value is the p50 of a round; "raw" is
// the reaction of MongoDB alone while nothing else goes on.
func steady(ctx context.Context, e *Env) (*report.Series, error) {
	const name, every = "steady_500", 2 * time.Millisecond
	n := int(e.Sizes.Steady / every)
	series := report.NewSeries(name, "ms", report.Params{
		"tasks": n, "seconds": e.Sizes.Steady.Seconds(), "processes": 2, "processors": few,
		"raw": "one at a time: insertOne, its event in another process, acknowledged conditional update by _id",
	})
	for round := range e.Rounds {
		var bare reaction
		var mine []float64
		err := e.round(round, name, alone(func() (err error) {
			bare, err = e.reactionRaw(ctx, max(1, e.Sizes.Idle/2))
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
				err = s.paced(ctx, p, roles.Pace{N: n, Every: every, Open: true})
				mine = s.latencies(n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(stats.Percentile(mine, 50), stats.Percentile(bare.claimed, 50), n)
		series.Sample(mine...)
		series.Beside("most_ms", stats.Percentile(mine, 100))
	}
	return series, nil
}
