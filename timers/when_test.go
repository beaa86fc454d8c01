package timers

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestParseWhen(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"now":                         0,
		" NOW ":                       0,
		"1 day":                       day,
		"1 hour":                      time.Hour,
		"1 minute":                    time.Minute,
		"1 second":                    time.Second,
		"0.1 seconds":                 100 * time.Millisecond,
		"2 hours 5 minutes":           2*time.Hour + 5*time.Minute,
		"  5  MINUTES ":               5 * time.Minute,
		"1.5 hours":                   90 * time.Minute,
		"1 day 2 hours":               26 * time.Hour,
		"1 week, 2 days and 3 hours":  9*day + 3*time.Hour,
		"1 hour, and 1 minute":        61 * time.Minute,
		"5 seconds ago":               -5 * time.Second,
		"1h30m ago":                   -90 * time.Minute,
		"in 3 minutes":                3 * time.Minute,
		"1h 2 min 3s 4ms":             time.Hour + 2*time.Minute + 3*time.Second + 4*time.Millisecond,
		"2 w":                         14 * day,
		"3d":                          3 * day,
		"10 SECS":                     10 * time.Second,
		"7 milliseconds":              7 * time.Millisecond,
		"0.2 ms":                      time.Millisecond, // rounded up
		"0.0001 seconds ago":          0,                // rounded up
		"0 seconds":                   0,
		"010 seconds":                 10 * time.Second,
		"1. second":                   time.Second,
		"0.333333333333 hours":        20 * time.Minute,
		"1 day\u00a02 hours":          26 * time.Hour,
		"9223372036854 ms":            9223372036854 * time.Millisecond,
		"9223372036854 ms ago":        -9223372036854 * time.Millisecond,
		"0.000000000000000001 minute": time.Millisecond,
	} {
		if got, err := ParseWhen(text); err != nil || got.Delay != want {
			t.Errorf("ParseWhen(%q) = %v, %v; want %v", text, got.Delay, err, want)
		}
	}
}

func TestParseWhenRefuses(t *testing.T) {
	for text, part := range map[string]string{
		"":                              "empty",
		" \t":                           "empty",
		"NaN":                           "not a number",
		"inf seconds":                   "not a number",
		"1e309 seconds":                 "exponent",
		"5 parsecs":                     `unknown unit "parsecs"`,
		"1 month":                       "not a fixed length",
		"2 years":                       "cron spec",
		"9223372036854775808 ns":        "unknown unit",
		"9223372036854775808 ms":        "292 years",
		"9223372036854.1 ms":            "292 years",
		"99999999999999999999999 weeks": "292 years",
		"minute":                        `the unit "minute" has no number`,
		"5":                             "no unit",
		"5 ,":                           "no unit",
		"5 minutes 3":                   "no unit",
		"5 minutes and":                 "missing at the end",
		", 5 minutes":                   "not a number",
		"-1 day":                        "negative",
		"1.2.3 days":                    "not a number",
		".5 days":                       "not a number",
		"in":                            "missing",
		"ago":                           "missing",
		"in 5 minutes ago":              "cannot stand here",
		"now now":                       "cannot stand here",
		"tomorrow":                      "not a number",
		"\xff\xfe":                      "not a number",
		"٣ days":                        "not a number",
		strings.Repeat("1 day ", 100):   "longer than",
	} {
		_, err := ParseWhen(text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Text != text {
			t.Errorf("ParseWhen(%q): error %v, want a SyntaxError with the text", text, err)
			continue
		}
		if !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), `"2 hours 5 minutes"`) {
			t.Errorf("ParseWhen(%q): error %q, want %q and an example", text, err, part)
		}
		if len(err.Error()) > 300 {
			t.Errorf("ParseWhen(%q): the message has %d bytes", text, len(err.Error()))
		}
	}
}

func TestSpecAt(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC)
	if got, want := (Spec{Delay: time.Second}).At(now), time.Date(2026, 1, 1, 0, 0, 1, 1e6, time.UTC); !got.Equal(want) {
		t.Errorf("At = %v, want %v", got, want)
	}
}

func TestParseInstant(t *testing.T) {
	berlin := mustZone(t, "Europe/Berlin")
	want := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	for _, text := range []string{
		"2026-03-29T01:30:00Z", "2026-03-29T03:30:00+02:00", " 2026-03-29t01:30:00z ",
		"2026-03-29T03:30:00", "2026-03-29 03:30", "2026-03-29 03:30:00", "2026-03-29T03:30",
		"2026-03-29T01:29:59.9999999Z", "2026-03-29 03:30:00+02:00",
	} {
		if got, err := ParseInstant(text, berlin); err != nil || !got.Equal(want) {
			t.Errorf("ParseInstant(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	if got, err := ParseInstant("2026-03-29T01:30", nil); err != nil || !got.Equal(want) {
		t.Errorf("without a zone: %v, %v; want %v", got, err, want)
	}
	for _, text := range []string{"", "tomorrow", "2026-02-30T00:00:00Z", "1 day", strings.Repeat("2", 1000)} {
		_, err := ParseInstant(text, nil)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Text != text || !strings.Contains(err.Error(), "RFC 3339") {
			t.Errorf("ParseInstant(%q): error %v", text, err)
		}
	}
}

func TestCeilMilli(t *testing.T) {
	for ns, want := range map[int64]int64{0: 0, 1: 1e6, 1e6: 1e6, 1e6 + 1: 2e6, -1: 0, -1e6: -1e6, -1e6 - 1: -1e6, 1e9 - 1: 1e9} {
		if got := CeilMilli(time.Unix(0, ns)).UnixNano(); got != want {
			t.Errorf("CeilMilli(%d ns) = %d, want %d", ns, got, want)
		}
		if got := CeilMilliDuration(time.Duration(ns)); got != time.Duration(want) {
			t.Errorf("CeilMilliDuration(%d ns) = %d, want %d", ns, got, want)
		}
	}
	if got := CeilMilliDuration(math.MaxInt64); got < 0 || got%time.Millisecond != 0 {
		t.Errorf("CeilMilliDuration of the longest = %v", got)
	}
	if got := CeilMilliDuration(math.MinInt64); got%time.Millisecond != 0 {
		t.Errorf("CeilMilliDuration of the most negative = %v", got)
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, s := range []string{"1 day", "0.1 seconds", "2 hours, 5 minutes and 3s ago", "in 1e309 w", "9223372036854775808 ms", "", "1.5h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseWhen(text)
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Text != text || spec.Delay != 0) {
			t.Fatalf("ParseWhen(%q) = %v, %v", text, spec, err)
		}
		if spec.Delay%time.Millisecond != 0 {
			t.Fatalf("ParseWhen(%q) = %v, not whole milliseconds", text, spec.Delay)
		}
		if spec.Delay < 0 && !strings.Contains(strings.ToLower(text), "ago") {
			t.Fatalf("ParseWhen(%q) = %v, negative without ago", text, spec.Delay)
		}
		every, err := ParseEvery(text)
		if err != nil && (!errors.As(err, &syntax) || syntax.Text != text || every != 0) {
			t.Fatalf("ParseEvery(%q) = %v, %v", text, every, err)
		}
		if err == nil && (CheckEvery(every) != nil || every != spec.Delay) {
			t.Fatalf("ParseEvery(%q) = %v, ParseWhen %v", text, every, spec.Delay)
		}
	})
}
