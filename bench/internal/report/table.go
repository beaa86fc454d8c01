package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Table writes the metrics for people to read, in the given order.
func Table(w io.Writer, metrics []Metric) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "metric\tvalue\tunit\tmin to max\tp50 ms\tp99 ms\traw\tratio\tn\t")
	for _, m := range metrics {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s to %s\t%s\t%s\t%s\t%s\t%s\t\n", m.Metric, Number(m.Value), m.Unit,
			Number(m.Min), Number(m.Max), optional(m.P50), optional(m.P99), optional(m.Raw), ratio(m.Ratio), grouped(float64(m.N)))
	}
	return t.Flush()
}

func optional(v *float64) string {
	if v == nil {
		return "-"
	}
	return Number(*v)
}

func ratio(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}

// Number writes v with three digits that count, those above a thousand in groups.
func Number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits > 0 {
		s := strconv.FormatFloat(v, 'f', min(digits, 5), 64)
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	unit := math.Pow10(-digits)
	return grouped(math.Round(v/unit) * unit)
}

// grouped writes a whole number with commas between groups of three digits.
func grouped(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}
