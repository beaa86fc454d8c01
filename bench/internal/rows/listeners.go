package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
)

// listening are how many other processes there are.
var listening = []int{0, 8, 32}

func listenersMetric(others int) string { return fmt.Sprintf("drain_listeners_%d", others) }

func listenerMetrics() (names []string) {
	for _, others := range listening {
		names = append(names, listenersMetric(others))
	}
	return names
}

// drainListeners drains while other lgtask processes, without that class, are
// connected to the same task database. "raw" is the drain with none of them; of
// that, MongoDB alone.
func drainListeners(ctx context.Context, e *Env, want func(string) bool) ([]report.Metric, error) {
	const processors = 100
	wanted := slices.DeleteFunc(slices.Clone(listening), func(k int) bool { return k > 0 && !want(listenersMetric(k)) })
	// The trial has the most listeners, and takes long enough for them to react.
	n, err := e.fit(ctx, e.Sizes.Listeners, 5*e.Sizes.Trial, 4*e.Sizes.Budget, func(n int) (drained, error) {
		return e.drainListened(ctx, slices.Max(wanted), n, processors)
	})
	if err != nil {
		return nil, err
	}
	series := map[int]*report.Series{}
	for _, k := range wanted {
		p := tasksParam(report.Params{"processes": 1, "processors": processors, "listeners": k, "raw": "lgtask without listeners"}, n, e.Sizes.Listeners)
		if k == 0 {
			p["raw"] = rawDrain
		}
		series[k] = report.NewSeries(listenersMetric(k), "tasks/s", p)
	}
	for round := range e.Rounds {
		bare, err := e.drainRaw(ctx, min(n, e.Sizes.Drain))
		if err != nil {
			return nil, fmt.Errorf("round %d, MongoDB alone: %w", round+1, err)
		}
		rates, err := e.listenersRound(ctx, round, n, processors, wanted)
		if err != nil {
			return nil, err
		}
		for _, k := range wanted {
			if k == 0 {
				series[k].Add(rates[k], bare, n)
			} else {
				series[k].Add(rates[k], rates[0], n)
			}
		}
	}
	var found []report.Metric
	for _, k := range wanted {
		if want(listenersMetric(k)) {
			found = append(found, series[k].Metric())
		}
	}
	return found, nil
}

// listenersRound drains once for each number of listeners, the fewest or the most
// first in turns.
func (e *Env) listenersRound(ctx context.Context, round, n, processors int, counts []int) (map[int]float64, error) {
	order := slices.Clone(counts)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	rates := map[int]float64{}
	for _, k := range order {
		e.Log("%s, round %d of %d", listenersMetric(k), round+1, e.Rounds)
		d, err := e.drainListened(ctx, k, n, processors)
		if err != nil {
			return nil, fmt.Errorf("round %d, %d listeners: %w", round+1, k, err)
		}
		rates[k] = d.rate
	}
	return rates, nil
}

// drainListened is a drain beside other processes, on a stage of its own.
func (e *Env) drainListened(ctx context.Context, others, n, processors int) (d drained, err error) {
	err = e.on(ctx, n, func(s *stage) (err error) {
		d, err = s.drainBeside(ctx, others, n, processors)
		return err
	})
	return d, err
}

// drainBeside inserts the tasks before the others listen: they are to have none
// of the inserts still to read.
func (s *stage) drainBeside(ctx context.Context, others, n, processors int) (d drained, err error) {
	if err := raw.Bulk(ctx, s.tasks, 0, n, nil); err != nil {
		return d, err
	}
	listeners, err := s.workers(ctx, others, 1, job.OtherClass)
	if err != nil {
		return d, err
	}
	if _, _, _, err := listeners.start(ctx); err != nil {
		return d, err
	}
	f, err := s.workers(ctx, 1, processors, job.NoopClass)
	if err != nil {
		return d, err
	}
	if err := sleep(ctx, s.e.Sizes.Settle); err != nil {
		return d, err
	}
	return s.drain(ctx, f, n)
}
