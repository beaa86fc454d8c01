package lgtask

import (
	"fmt"
	"time"

	"github.com/lgtask/lgtask/timers"
)

// When says when a task is due, or how long the interval of a recurring task
// is. The zero value is now.
type When struct {
	kind whenKind
	at   time.Time
	in   time.Duration
	text string
}

type whenKind int

const (
	whenNow whenKind = iota
	whenAt
	whenIn
	whenText
)

// Now is the moment at which the server is asked. It is the zero When.
func Now() When { return When{} }

// At is an instant. One in the past is now. Due times are rounded up to the
// millisecond, the resolution of the database.
func At(t time.Time) When { return When{kind: whenAt, at: t} }

// In is a time from now, by the server's clock. A negative one is now.
func In(d time.Duration) When { return When{kind: whenIn, in: d} }

// Text is a time in words, such as "1 day", "0.1 seconds", "2 hours 5 minutes",
// "now" or "5 seconds ago"; see timers.ParseWhen. A text that cannot be read is
// an error of the call that gets it, a *timers.SyntaxError.
func Text(s string) When { return When{kind: whenText, text: s} }

// String returns the time as it was given.
func (w When) String() string {
	switch w.kind {
	case whenAt:
		return w.at.Format(time.RFC3339Nano)
	case whenIn:
		return "in " + w.in.String()
	case whenText:
		return w.text
	}
	return "now"
}

// due returns the instant that w means at the given moment.
func (w When) due(now time.Time) (time.Time, error) {
	t := now
	switch w.kind {
	case whenAt:
		t = w.at
	case whenIn:
		t = now.Add(w.in)
		if w.in > 0 && t.Before(now) {
			return t, fmt.Errorf("%w: %v is too long", ErrInvalidTime, w.in)
		}
	case whenText:
		spec, err := timers.ParseWhen(w.text)
		if err != nil {
			return t, fmt.Errorf("%w: %w", ErrInvalidTime, err)
		}
		t = spec.At(now)
	}
	if t.Before(now) {
		t = now
	}
	return timers.CeilMilli(t), nil
}

// period returns w as the interval of a recurring task.
func (w When) period() (time.Duration, error) {
	switch w.kind {
	case whenIn:
		if err := timers.CheckEvery(w.in); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrInvalidTime, err)
		}
		return timers.CeilMilliDuration(w.in), nil
	case whenText:
		d, err := timers.ParseEvery(w.text)
		if _, instant := timers.ParseInstant(w.text, nil); err != nil && instant == nil {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrInvalidTime, err)
		}
		return d, nil
	}
	return 0, fmt.Errorf("%w: an interval is a length of time, not %q; give the first run's time with StartAt beside the length", ErrInvalidTime, w.String())
}
