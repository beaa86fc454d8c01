package stats

import (
	"slices"
	"testing"
)

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i) // 100 down to 1
	}
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{nil, 50, 0},
		{[]float64{7}, 1, 7},
		{[]float64{7}, 100, 7},
		{[]float64{3, 1, 2}, 50, 2},
		{[]float64{4, 1, 3, 2}, 50, 2}, // a measured value, not 2.5
		{[]float64{4, 1, 3, 2}, 51, 3},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 99.5, 100},
		{hundred, 100, 100},
	} {
		if got := Percentile(c.values, c.p); got != c.want {
			t.Errorf("%v%% of %v is %v; want %v", c.p, c.values, got, c.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("the argument was sorted")
	}
	if got := Percentiles(hundred, 50, 99); !slices.Equal(got, []float64{50, 99}) {
		t.Errorf("both at once: %v", got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{5}, 5},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 6}, 5.5},
	} {
		if got := Median(c.values); got != c.want {
			t.Errorf("the median of %v is %v; want %v", c.values, got, c.want)
		}
	}
}
