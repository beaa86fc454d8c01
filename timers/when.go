package timers

import (
	"math"
	"strings"
	"time"
)

// maxText is the longest text that is read, in bytes.
const maxText = 400

// Spec is a point in time relative to a moment that is not known yet.
type Spec struct {
	// Delay is added to the moment, in whole milliseconds. It is negative for
	// texts such as "5 seconds ago" and 0 for "now".
	Delay time.Duration
}

// At returns the instant that s means at the given moment, rounded up to the
// millisecond. It is before now if the delay is negative; whoever runs tasks
// treats that as now.
func (s Spec) At(now time.Time) time.Time { return CeilMilli(now.Add(s.Delay)) }

// ParseWhen reads a relative time: "now", or numbers with units, such as
// "1 day", "0.1 seconds", "2 hours 5 minutes", "1 h, 30 min and 5 s" and
// "1h30m", with "in" before it or "ago" after it if wanted. The units are week,
// day, hour, minute, second and millisecond, their plurals, and w, d, h, hr, m,
// min, s, sec, ms and msec. Case and spaces do not matter. A fraction of a
// millisecond is rounded up. The error is a *[SyntaxError].
func ParseWhen(text string) (Spec, error) {
	words, err := split(text, exampleWhen)
	if err != nil {
		return Spec{}, err
	}
	if len(words) == 1 && words[0] == "now" {
		return Spec{}, nil
	}
	ago := false
	switch last := len(words) - 1; {
	case words[0] == "in":
		words = words[1:]
	case words[last] == "ago":
		ago, words = true, words[:last]
	}
	sum, reason := sumParts(words)
	if reason != "" {
		return Spec{}, &SyntaxError{Text: text, Reason: reason + exampleWhen}
	}
	d, ok := ceilMillis(sum, ago)
	if !ok {
		return Spec{}, &SyntaxError{Text: text, Reason: "longer than 292 years" + exampleWhen}
	}
	return Spec{Delay: d}, nil
}

// ParseInstant reads an absolute time in RFC 3339, such as
// "2026-03-29T02:30:00+01:00". Without an offset it is meant in loc (nil:
// UTC); then the seconds may be left out, and a space may stand for the T. A
// fraction of a millisecond is rounded up. The error is a *[SyntaxError].
func ParseInstant(text string, loc *time.Location) (time.Time, error) {
	if loc == nil {
		loc = time.UTC
	}
	if len(text) <= maxText {
		upper := strings.ToUpper(strings.TrimSpace(text))
		for _, layout := range []string{
			time.RFC3339, "2006-01-02 15:04:05Z07:00",
			"2006-01-02T15:04:05", "2006-01-02 15:04:05",
			"2006-01-02T15:04", "2006-01-02 15:04",
		} {
			if t, err := time.ParseInLocation(layout, upper, loc); err == nil {
				return CeilMilli(t), nil
			}
		}
	}
	return time.Time{}, &SyntaxError{Text: text,
		Reason: `not a time in RFC 3339; write, for example, "2026-03-29T02:30:00Z"`}
}

// CeilMilli rounds t up to the next whole millisecond, the resolution of the
// times in the database, and drops its monotonic part.
func CeilMilli(t time.Time) time.Time {
	t = t.Round(0)
	if rest := t.Nanosecond() % int(time.Millisecond); rest > 0 {
		t = t.Add(time.Millisecond - time.Duration(rest))
	}
	return t
}

// CeilMilliDuration rounds d up to the next whole millisecond. Within the last
// millisecond of what a Duration can hold it rounds down instead.
func CeilMilliDuration(d time.Duration) time.Duration {
	whole := d.Truncate(time.Millisecond)
	if whole < d && whole <= math.MaxInt64-time.Millisecond {
		whole += time.Millisecond
	}
	return whole
}
