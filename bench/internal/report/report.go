// Package report turns what the rounds of a benchmark measured into one JSON
// line a metric and a table for people.
//
// A value is the median over the rounds. A ratio is the median of the rounds'
// own ratios, since the two sides of one round had the same machine under them:
// it need not be the quotient of the two medians. Percentiles are over the single
// operations of all rounds, in milliseconds whatever the unit of the value.
package report

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/lgtask/lgtask/bench/internal/stats"
)

// Metric is one result. The fields that may be nil do not apply to every metric.
type Metric struct {
	Metric string   `json:"metric"`
	Value  float64  `json:"value"` // median over the rounds
	Unit   string   `json:"unit"`
	P50    *float64 `json:"p50"`   // of the single operations, ms
	P99    *float64 `json:"p99"`   // the same
	N      int      `json:"n"`     // operations of all rounds
	Raw    *float64 `json:"raw"`   // the same measure of MongoDB alone, median
	Ratio  *float64 `json:"ratio"` // value to raw, median over the rounds
	Min    float64  `json:"min"`   // of the rounds' values
	Max    float64  `json:"max"`
	Params Params   `json:"params"`
}

// Params say how a metric was measured, and hold the figures beside the value.
// As JSON they are sorted by name.
type Params map[string]any

// Series collects the rounds of a metric.
type Series struct {
	Name   string
	Unit   string
	Params Params

	values, raws, ratios, samples []float64
	beside                        map[string][]float64
	n                             int
}

// NewSeries returns an empty series.
func NewSeries(name, unit string, params Params) *Series {
	if params == nil {
		params = Params{}
	}
	return &Series{Name: name, Unit: unit, Params: params, beside: map[string][]float64{}}
}

// Add adds a round: its value, and that of MongoDB alone or 0 if there is none.
func (s *Series) Add(value, raw float64, n int) {
	s.values = append(s.values, value)
	s.n += n
	if raw > 0 {
		s.raws = append(s.raws, raw)
		s.ratios = append(s.ratios, value/raw)
	}
}

// Sample adds single operations, in milliseconds, to the percentiles.
func (s *Series) Sample(ms ...float64) { s.samples = append(s.samples, ms...) }

// Beside adds a further figure of a round; its median becomes a parameter.
func (s *Series) Beside(name string, v float64) { s.beside[name] = append(s.beside[name], v) }

// Metric returns the result of the rounds so far; there must have been one.
func (s *Series) Metric() Metric {
	m := Metric{Metric: s.Name, Unit: s.Unit, N: s.n, Params: s.Params, Value: round(stats.Median(s.values))}
	for name, values := range s.beside {
		m.Params[name] = round(stats.Median(values))
	}
	ends := stats.Percentiles(s.values, 0, 100)
	m.Min, m.Max = round(ends[0]), round(ends[1])
	if len(s.samples) > 0 {
		p := stats.Percentiles(s.samples, 50, 99)
		m.P50, m.P99 = rounded(p[0]), rounded(p[1])
	}
	if len(s.raws) > 0 {
		m.Raw, m.Ratio = rounded(stats.Median(s.raws)), rounded(stats.Median(s.ratios))
	}
	return m
}

func rounded(v float64) *float64 {
	v = round(v)
	return &v
}

// round leaves six digits that count: more say nothing.
func round(v float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64) // what FormatFloat wrote can be read
	return short
}

// Write writes the metric as a line of JSON.
func (m Metric) Write(w io.Writer) error { return json.NewEncoder(w).Encode(m) }
