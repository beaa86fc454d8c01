package main

import (
	"fmt"
	"slices"

	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// sample is what one round of a row gave: a rate, or the delays in milliseconds.
type sample struct {
	n      int
	rate   float64 // a second
	delays []float64
	early  int     // how many delays are negative
	load   float64 // of the machine before the round, averaged over a minute
}

// starts returns the start of each task by its number. It is the check that
// each ran and none ran twice.
func starts(n int, ran reply) ([]int64, error) {
	if len(ran.Seqs) != len(ran.Instants) {
		return nil, fmt.Errorf("the worker reports %d tasks and %d starts", len(ran.Seqs), len(ran.Instants))
	}
	at := make([]int64, n)
	for i, seq := range ran.Seqs {
		switch {
		case seq < 0 || seq >= n:
			return nil, fmt.Errorf("task %d ran, but only 0 to %d were enqueued", seq, n-1)
		case at[seq] != 0:
			return nil, fmt.Errorf("task %d ran twice", seq)
		}
		at[seq] = ran.Instants[i]
	}
	if missing := slices.Index(at, 0); missing >= 0 {
		return nil, fmt.Errorf("task %d did not run", missing)
	}
	return at, nil
}

// delays returns how long after its instant each task started.
func delays(from []int64, ran reply) (sample, error) {
	at, err := starts(len(from), ran)
	if err != nil {
		return sample{}, err
	}
	s := sample{n: len(from), delays: make([]float64, len(from))}
	for i := range from {
		s.delays[i] = float64(at[i]-from[i]) / 1000
		if s.delays[i] < 0 {
			s.early++
		}
	}
	return s, nil
}

func rate(n int, r reply) sample {
	return sample{n: n, rate: float64(n) / (float64(max(1, r.Ended-r.Began)) / 1e6)}
}

// summarize makes the result of the rounds of a row. There must be one.
func summarize(metric string, rounds []sample, params report.Params) report.Metric {
	unit := "tasks/s"
	if rounds[0].delays != nil {
		unit = "ms"
	}
	series := report.NewSeries(metric, unit, params)
	early := 0
	var loads []float64
	for _, s := range rounds {
		series.Add(s.value(), 0, s.n)
		series.Sample(s.delays...)
		early += s.early
		loads = append(loads, s.load)
	}
	params["load_before"] = loads
	if rounds[0].delays != nil {
		params["early"] = early
	}
	return series.Metric()
}

// value is the rate, or the p50 of the delays.
func (s sample) value() float64 {
	if s.delays == nil {
		return s.rate
	}
	return stats.Percentile(s.delays, 50)
}

// text tells the progress.
func (s sample) text(metric string) string {
	if s.delays == nil {
		return fmt.Sprintf("%s: %s/s", metric, thousands(s.rate))
	}
	p := stats.Percentiles(s.delays, 50, 99)
	return fmt.Sprintf("%s: %s / %s ms, %d early", metric, ms(p[0]), ms(p[1]), s.early)
}
