package timers

import (
	"fmt"
	"time"
)

// MinEvery is the shortest interval of a recurring task.
const MinEvery = time.Second

// IntervalError is returned for an interval that is too short to recur at.
type IntervalError struct {
	Every time.Duration // the interval as given
}

// Error names the interval and the least that is allowed.
func (e *IntervalError) Error() string {
	return fmt.Sprintf("interval %v: %s", e.Every, tooShort)
}

const tooShort = "an interval is at least 1 second"

// CheckEvery returns an *[IntervalError] unless d can be the interval of a
// recurring task: at least [MinEvery].
func CheckEvery(d time.Duration) error {
	if d < MinEvery {
		return &IntervalError{Every: d}
	}
	return nil
}

// ParseEvery reads an interval in the words of [ParseWhen], without "now",
// "in" and "ago". It is in whole milliseconds, rounded up, and at least
// [MinEvery]. The error is a *[SyntaxError].
func ParseEvery(text string) (time.Duration, error) {
	words, err := split(text, exampleEvery)
	if err != nil {
		return 0, err
	}
	sum, reason := sumParts(words)
	if reason != "" {
		return 0, &SyntaxError{Text: text, Reason: reason + exampleEvery}
	}
	d, ok := ceilMillis(sum, false)
	if !ok {
		return 0, &SyntaxError{Text: text, Reason: "longer than 292 years" + exampleEvery}
	}
	if CheckEvery(d) != nil {
		return 0, &SyntaxError{Text: text, Reason: tooShort + exampleEvery}
	}
	return d, nil
}
