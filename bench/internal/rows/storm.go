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
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// over is how long after a storm it is taken to be over.
const over = time.Second

// wakes are latencies in milliseconds of tasks of a class that idle processes have,
// before the drain of another class, during it and after it.
type wakes struct{ before, during, after []float64 }

// stormWake drains tasks of one class while processes of another are idle, and
// inserts tasks of theirs: before the drain, spread over it, and from a second
// after its end on. It measures from the call of CreateTask to the start. The values
// are the p50 of a round; "raw" is the reaction of MongoDB alone while nothing else
// goes on.
func stormWake(ctx context.Context, e *Env, want func(string) bool) ([]report.Metric, error) {
	const processors = 100
	n, err := e.fit(ctx, e.Sizes.Listeners, e.Sizes.Trial, 4*e.Sizes.Budget, func(n int) (drained, error) {
		return e.drainOurs(ctx, n, 1, processors)
	})
	if err != nil {
		return nil, err
	}
	series := func(name string) *report.Series {
		return report.NewSeries(name, "ms", tasksParam(report.Params{
			"processors": processors, "idle_processes": e.Sizes.Strange, "woken": e.Sizes.Woken, "after_ms": ms(over),
			"raw": "one at a time and nothing else: insertOne, its event in another process, acknowledged conditional update by _id",
		}, n, e.Sizes.Listeners))
	}
	during, after := series("storm_wake_during"), series("storm_wake_after")
	for round := range e.Rounds {
		var bare reaction
		var w wakes
		err := e.round(round, "storm_wake", alone(func() (err error) {
			bare, err = e.reactionRaw(ctx, e.Sizes.Woken)
			return err
		}), ours(func() error {
			return e.on(ctx, n+3*e.Sizes.Woken, func(s *stage) (err error) {
				w, err = s.storm(ctx, processors, n)
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		floor := stats.Percentile(bare.claimed, 50)
		add := func(s *report.Series, ms []float64) {
			s.Add(stats.Percentile(ms, 50), floor, len(ms))
			s.Sample(ms...)
			beside(s, ms)
		}
		add(during, w.during)
		add(after, w.after)
		after.Beside("first_ms", w.after[0])
		after.Beside("before_p50", stats.Percentile(w.before, 50))
	}
	var found []report.Metric
	for _, s := range []*report.Series{during, after} {
		if want(s.Name) {
			found = append(found, s.Metric())
		}
	}
	return found, nil
}

// storm is a round on its stage. The tasks of the drain have the numbers that come
// last: they wait before the idle processes listen, which are to have none of the
// inserts still to read, and the others are created one after the other.
func (s *stage) storm(ctx context.Context, processors, n int) (w wakes, err error) {
	k := s.e.Sizes.Woken
	if err := raw.Bulk(ctx, s.tasks, 3*k, n, nil); err != nil {
		return w, err
	}
	f, p, err := s.idleBeside(ctx, processors)
	if err != nil {
		return w, err
	}
	pace := roles.Pace{N: k, Every: s.e.Sizes.IdleEvery, Kind: job.Kind{Class: job.OtherClass}}
	if err := s.wake(ctx, p, pace, k); err != nil {
		return w, err
	}
	if _, _, _, err := f.start(ctx); err != nil {
		return w, err
	}
	pace.First, pace.Starts = k, max(1, n/(k+1))
	if err := s.wake(ctx, p, pace, n+2*k); err != nil {
		return w, err
	}
	end := s.lastStart(3*k, n)
	if err := sleep(ctx, time.Until(end.Add(over))); err != nil {
		return w, err
	}
	pace.First, pace.Starts = 2*k, 0
	if err := s.wake(ctx, p, pace, n+3*k); err != nil {
		return w, err
	}
	if err := s.finished(ctx); err != nil {
		return w, err
	}
	w = wakes{s.latencies(k), s.askedBefore(end, k, k), s.latenciesFrom(2*k, k)}
	if len(w.during) == 0 {
		return w, fmt.Errorf("all %d tasks had started when the first of the other class was inserted", n)
	}
	return w, s.ran(ctx, n+3*k)
}

// idleBeside starts the idle processes, and gets the one of the drain and the
// producer ready. It returns when the idle ones know each other.
func (s *stage) idleBeside(ctx context.Context, processors int) (drains fleet, produces *child.Child, err error) {
	idle, err := s.workers(ctx, s.e.Sizes.Strange, 1, job.OtherClass)
	if err != nil {
		return nil, nil, err
	}
	if _, _, _, err := idle.start(ctx); err != nil {
		return nil, nil, err
	}
	if drains, err = s.workers(ctx, 1, processors, job.NoopClass); err != nil {
		return nil, nil, err
	}
	if produces, err = s.hire(ctx, roles.ProducerRole, roles.Setup{}); err != nil {
		return nil, nil, err
	}
	return drains, produces, sleep(ctx, s.e.Sizes.Known)
}

// wake inserts tasks and waits until so many have started in all.
func (s *stage) wake(ctx context.Context, by *child.Child, p roles.Pace, starts int) error {
	if err := by.Call(ctx, "pace", p, nil); err != nil {
		return err
	}
	return s.started(ctx, starts)
}
