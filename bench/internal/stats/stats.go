// Package stats holds the few statistics that the benchmark prints.
//
// Percentiles are by nearest rank: each is a value that was measured, never one
// between two. The functions leave their arguments as they are.
package stats

import (
	"math"
	"slices"
)

// Percentile returns the smallest value that at least p percent of the values do
// not exceed, for p from 0 (the smallest of all) to 100. It returns 0 for no
// values.
func Percentile(values []float64, p float64) float64 {
	return Percentiles(values, p)[0]
}

// Percentiles returns Percentile for each of ps, sorting only once.
func Percentiles(values []float64, ps ...float64) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	found := make([]float64, len(ps))
	for i, p := range ps {
		if len(sorted) == 0 {
			continue
		}
		rank := int(math.Ceil(p / 100 * float64(len(sorted))))
		found[i] = sorted[min(max(rank, 1), len(sorted))-1]
	}
	return found
}

// Median returns the middle value, the mean of the two middle ones if there is
// an even number, and 0 for no values.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
