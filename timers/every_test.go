package timers

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseEvery(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1 second":        time.Second,
		"  5  MINUTES ":   5 * time.Minute,
		"1.5 hours":       90 * time.Minute,
		"1 day 2 hours":   26 * time.Hour,
		"1000 ms":         time.Second,
		"0.9999999999 s":  time.Second, // rounded up to the millisecond
		"1.0000000001 s":  1001 * time.Millisecond,
		"15250 weeks":     15250 * 7 * day,
		"1 minute and 1s": 61 * time.Second,
	} {
		if got, err := ParseEvery(text); err != nil || got != want {
			t.Errorf("ParseEvery(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for text, part := range map[string]string{
		"":                       "empty",
		"NaN":                    "not a number",
		"0 seconds":              "at least 1 second",
		"999 ms":                 "at least 1 second",
		"-1 day":                 "negative",
		"1e309 seconds":          "exponent",
		"9223372036854775808 ns": "unknown unit",
		"9223372036854775808 s":  "292 years",
		"1 month":                "not a fixed length",
		"5 parsecs":              "unknown unit",
		"now":                    "cannot stand here",
		"5 seconds ago":          "cannot stand here",
		"in 5 seconds":           "cannot stand here",
		strings.Repeat("9", 500): "longer than",
	} {
		_, err := ParseEvery(text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Text != text || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), `"5 minutes"`) {
			t.Errorf("ParseEvery(%q): error %v, want %q and an example", text, err, part)
		}
	}
}

func TestCheckEvery(t *testing.T) {
	for _, d := range []time.Duration{time.Second, math.MaxInt64} {
		if err := CheckEvery(d); err != nil {
			t.Errorf("CheckEvery(%v) = %v", d, err)
		}
	}
	for _, d := range []time.Duration{0, -time.Hour, math.MinInt64, time.Second - 1} {
		err := CheckEvery(d)
		var short *IntervalError
		if !errors.As(err, &short) || short.Every != d || !strings.Contains(err.Error(), d.String()) {
			t.Errorf("CheckEvery(%v) = %v", d, err)
		}
	}
}
