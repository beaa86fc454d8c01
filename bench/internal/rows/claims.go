package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
)

// lost returns the claims lost for each task.
func lost(asked, won int64, n int) float64 { return float64(asked-won) / float64(n) }

// claimsRow counts the claims that the given number of processes lose to each
// other, in a drain and at 200 tasks a second. The value is the larger of the two.
func claimsRow(processes int) Row {
	const each, every = 4, 5 * time.Millisecond
	name := fmt.Sprintf("claims_lost_%d", processes)
	return single(name, func(ctx context.Context, e *Env) (*report.Series, error) {
		n, err := e.fitOurs(ctx, e.Sizes.Claims, processes, each)
		if err != nil {
			return nil, err
		}
		later := int(e.Sizes.ClaimsFor / every)
		series := report.NewSeries(name, "lost/task", tasksParam(report.Params{
			"processes": processes, "processors": each, "tasks_at_200": later,
		}, n, e.Sizes.Claims))
		for round := range e.Rounds {
			e.Log("%s, round %d of %d", name, round+1, e.Rounds)
			err := e.on(ctx, n+later, func(s *stage) error {
				draining, offered, err := s.claims(ctx, processes, each, n, roles.Pace{First: n, N: later, Every: every, Open: true})
				series.Add(max(draining, offered), 0, n+later)
				series.Beside("drain", draining)
				series.Beside("at_200", offered)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("round %d: %w", round+1, err)
			}
		}
		return series, nil
	})
}

// claims drains n tasks, then has further ones come at a pace, and returns the
// claims lost for each task in either part.
func (s *stage) claims(ctx context.Context, processes, each, n int, later roles.Pace) (draining, offered float64, err error) {
	if err := raw.Bulk(ctx, s.tasks, 0, n, nil); err != nil {
		return 0, 0, err
	}
	f, err := s.workers(ctx, processes, each, job.NoopClass)
	if err != nil {
		return 0, 0, err
	}
	d, err := s.drain(ctx, f, n)
	if err != nil {
		return 0, 0, err
	}
	p, err := s.hire(ctx, roles.ProducerRole, roles.Setup{})
	if err != nil {
		return 0, 0, err
	}
	if err := s.paced(ctx, p, later); err != nil {
		return 0, 0, err
	}
	after, err := f.counts(ctx)
	if err != nil {
		return 0, 0, err
	}
	return lost(d.counts.Asked, d.counts.Won, n), lost(after.Asked-d.counts.Asked, after.Won-d.counts.Won, later.N), nil
}

// paced has a process enqueue at a pace, waits until all that was enqueued on the
// stage has ended, and checks it.
func (s *stage) paced(ctx context.Context, by *child.Child, p roles.Pace) error {
	if err := by.Call(ctx, "pace", p, nil); err != nil {
		return err
	}
	n := p.First + p.N
	if err := s.started(ctx, n); err != nil {
		return err
	}
	if err := s.finished(ctx); err != nil {
		return err
	}
	return s.ran(ctx, n)
}
