package timers

import (
	"strings"
	"time"
)

// Missed says what becomes of instants that passed while a run could not start.
type Missed string

// What may become of missed instants.
const (
	MissedOnce Missed = "once" // one run, late, stands for all of them
	MissedSkip Missed = "skip" // none runs; the next one is in the future
	MissedAll  Missed = "all"  // each has its run, one after the other, unless it is older than a window
)

// Overlap says what becomes of instants that pass while a run is going.
type Overlap string

// What may become of them.
const (
	OverlapSkip  Overlap = "skip"  // they are left out
	OverlapQueue Overlap = "queue" // one run for all of them follows at once
)

// Policy is what a recurring task does about instants at which it could not start. Runs
// never overlap.
type Policy struct {
	Missed  Missed
	Window  time.Duration // of MissedAll: how old an instant may be to have its run
	Overlap Overlap       // without meaning for MissedAll: what passes during a run is missed like any other
}

// Next returns when the run after the given one is due, which was due at due, started at
// start and ended at end. instants returns the first instant after a time. The result is
// before end only for MissedAll.
func (p Policy) Next(instants func(after time.Time) time.Time, due, start, end time.Time) time.Time {
	next := instants(due)
	if p.Missed == MissedAll {
		if oldest := end.Add(-p.Window); next.Before(oldest) {
			next = instants(oldest.Add(-1))
		}
		return next
	}
	if !next.After(start) {
		next = instants(start)
	}
	switch {
	case next.After(end):
		return next
	case p.Overlap == OverlapQueue:
		return CeilMilli(end)
	}
	return instants(end)
}

// Pace returns the instants of an interval that counts from start to start: those a
// multiple of every away from the given one.
func Pace(every time.Duration, from time.Time) func(after time.Time) time.Time {
	return func(after time.Time) time.Time {
		n, rest := after.Sub(from)/every, after.Sub(from)%every
		if rest < 0 {
			n-- // rounded towards zero
		}
		return CeilMilli(from.Add((n + 1) * every))
	}
}

// ParseMissed reads what becomes of missed instants: "once", "skip", or "all" with a
// window in the words of [ParseEvery] or of [time.ParseDuration], as in "all 6 hours" or
// "all 6h". Empty is "once". The error is a *[SyntaxError].
func ParseMissed(text string) (Missed, time.Duration, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch m := Missed(word); {
	case word == "":
		return MissedOnce, 0, nil
	case m == MissedAll:
		window, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || CheckEvery(window) != nil {
			window, err = ParseEvery(rest)
		}
		if err != nil {
			return "", 0, &SyntaxError{Text: text, Reason: `"all" needs a window of at least 1 second` + exampleMissed}
		}
		return m, window, nil
	case rest == "" && (m == MissedOnce || m == MissedSkip):
		return m, 0, nil
	}
	return "", 0, &SyntaxError{Text: text, Reason: "not a policy for missed runs" + exampleMissed}
}

const exampleMissed = `; write "once", "skip" or "all 6 hours"`

// ParseOverlap reads what becomes of instants that pass while a run is going: "skip" or
// "queue". Empty is empty. The error is a *[SyntaxError].
func ParseOverlap(text string) (Overlap, error) {
	switch o := Overlap(text); o {
	case "", OverlapSkip, OverlapQueue:
		return o, nil
	}
	return "", &SyntaxError{Text: text, Reason: `not a policy for runs that overlap; write "skip" or "queue"`}
}
