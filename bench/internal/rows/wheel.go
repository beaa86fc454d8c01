package rows

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/stats"
	"github.com/lgtask/lgtask/tasks"
)

const (
	wheelProcessors = 20
	wheelOver       = time.Second           // the tasks are due over this
	killWithin      = 50 * time.Millisecond // after half of them have started, at random
)

func (e *Env) wheelParams(raw string) report.Params {
	return report.Params{
		"tasks": e.Sizes.Due, "over_ms": ms(wheelOver), "later": e.Sizes.Later, "processors": wheelProcessors, "raw": raw,
	}
}

// wheelDue has many delayed tasks that are due in the same second, each at an
// instant of its own, while more are due in an hour or later, and measures from the
// instant to the start. One that starts early fails the row. The value is the p50
// of a round.
func wheelDue(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "wheel_10000_due"
	n := e.Sizes.Due
	series := report.NewSeries(name, "ms", e.wheelParams("timers, acknowledged conditional updates by _id; no task is due later"))
	for round := range e.Rounds {
		var bare, mine []float64
		err := e.round(round, name, alone(func() error {
			return e.on(ctx, n, func(s *stage) error {
				due := s.instants(n, wheelOver, s.e.Sizes.Ahead)
				if err := raw.Bulk(ctx, s.tasks, 0, n, due); err != nil {
					return err
				}
				if err := raw.Fire(ctx, s.tasks, s.board, due); err != nil {
					return err
				}
				bare = s.latencies(n)
				return s.ran(ctx, n)
			})
		}), ours(func() error {
			return e.on(ctx, n, func(s *stage) error {
				if _, err := s.wheel(ctx, s.worker(wheelProcessors, job.NoopClass), n); err != nil {
					return err
				}
				if err := s.started(ctx, n); err != nil {
					return err
				}
				if err := s.allRan(ctx, n); err != nil {
					return err
				}
				mine = s.latencies(n)
				if err := noneEarly(mine); err != nil {
					return err
				}
				return s.startedOnce(n)
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(stats.Percentile(mine, 50), stats.Percentile(bare, 50), n)
		series.Sample(mine...)
		beside(series, mine)
		series.Beside("raw_p99", stats.Percentile(bare, 99))
		series.Beside("earliest_ms", stats.Percentile(mine, 0))
	}
	return series, nil
}

// wheel inserts the tasks that wait for later, starts a process, and inserts the n
// that are due soon. It returns before the first of them is due.
func (s *stage) wheel(ctx context.Context, setup roles.Setup, n int) (*child.Child, error) {
	if err := s.insertLater(ctx, s.e.Sizes.Later); err != nil {
		return nil, err
	}
	w, err := s.hire(ctx, roles.WorkerRole, setup)
	if err != nil {
		return nil, err
	}
	if _, _, _, err := (fleet{w}).start(ctx); err != nil {
		return nil, err
	}
	due := s.instants(n, wheelOver, s.e.Sizes.Ahead)
	if err := raw.Bulk(ctx, s.tasks, 0, n, due); err != nil {
		return nil, err
	}
	if left := time.Until(due(0)); left < 0 {
		return nil, fmt.Errorf("inserting %d delayed tasks took %v longer than the %v before the first is due", n, -left, s.e.Sizes.Ahead)
	}
	return w, nil
}

// allRan waits until the n tasks have ended, and checks that all are stored as
// success and that the later ones wait.
func (s *stage) allRan(ctx context.Context, n int) error {
	if err := s.noneDue(ctx); err != nil {
		return err
	}
	if err := s.finished(ctx); err != nil {
		return err
	}
	want := map[tasks.State]int{tasks.Success: n}
	if later := s.e.Sizes.Later; later > 0 {
		want[tasks.Request] = later
	}
	return s.states(ctx, want)
}

// wheelKilled kills the process by SIGKILL when about half of such tasks have
// started, and starts another of the same name. The value is the time from the kill
// to the first start in the new process. Tasks that had started before and were not
// recorded run again; no other does, none is early, none is lost. The percentiles
// are the latenesses before the kill.
func wheelKilled(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "wheel_10000_killed"
	n := e.Sizes.Due
	series := report.NewSeries(name, "ms", e.wheelParams("none"))
	for round := range e.Rounds {
		var r restart
		err := e.round(round, name, ours(func() error {
			return e.on(ctx, n, func(s *stage) (err error) {
				r, err = s.restarted(ctx, n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(ms(r.first), 0, n)
		series.Sample(r.before...)
		series.Beside("all_ms", ms(r.all))
		series.Beside("held", float64(r.held))
		series.Beside("ran_again", float64(r.again))
		series.Beside("before_kill", float64(len(r.before)))
		series.Beside("before_kill_most_ms", stats.Percentile(r.before, 100))
	}
	return series, nil
}

// restart is what a kill and a new process showed.
type restart struct {
	before     []float64     // latenesses of those that started before the kill, and not again
	first, all time.Duration // from the kill to the first start after it, to the end of all tasks
	held       int           // tasks that the killed process had
	again      int           // of these, those that ran a second time
}

func (s *stage) restarted(ctx context.Context, n int) (r restart, err error) {
	setup := s.worker(wheelProcessors, job.NoopClass)
	w, err := s.wheel(ctx, setup, n)
	if err != nil {
		return r, err
	}
	if err := s.started(ctx, n/2); err != nil {
		return r, err
	}
	// Claims, runs and completions take turns; the kill hits any of them.
	if err := sleep(ctx, rand.N(killWithin)); err != nil {
		return r, err
	}
	at := time.Now()
	if err := s.kill(w); err != nil {
		return r, err
	}
	had := s.board.Total() // nobody adds to it now
	successor, err := s.hire(ctx, roles.WorkerRole, setup)
	if err != nil {
		return r, err
	}
	if _, _, _, err := (fleet{successor}).start(ctx); err != nil {
		return r, err
	}
	if err := s.started(ctx, int(had)+1); err != nil {
		return r, err
	}
	r.first = time.Since(at)
	if err := s.allStarted(ctx, n); err != nil {
		return r, err
	}
	if err := s.allRan(ctx, n); err != nil {
		return r, err
	}
	r.all = time.Since(at)
	if r.held, r.again, err = s.startedOnceButForCrash(ctx, n); err != nil {
		return r, err
	}
	late := s.latencies(n)
	for i := range n {
		if s.board.Started(i).Before(at) {
			r.before = append(r.before, late[i])
		}
	}
	return r, noneEarly(late)
}
