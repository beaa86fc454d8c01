package lgtask

import (
	"errors"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// How often a failed task is tried again: what it says itself, else its class, else
// the configuration.
func TestOutcomeAttempts(t *testing.T) {
	failed := errors.New("x")
	for _, c := range []struct {
		name               string
		config, class, own int
		attempt            int // failed before
		err                error
		want               State
	}{
		{"once by default", 0, 0, 0, 0, failed, StateError},
		{"the configuration", 2, 0, 0, 0, failed, StateRequest},
		{"its last", 2, 0, 0, 1, failed, StateError},
		{"the class", 5, 2, 0, 1, failed, StateError},
		{"the task", 5, 5, 1, 0, failed, StateError},
		{"asked for, without a limit", 1, 0, 0, 100, RetryAfter(0, failed), StateRequest},
		{"asked for, with a limit", 2, 0, 0, 1, RetryAfter(0, failed), StateError},
		{"discarded", 5, 0, 0, 0, Discard(failed), StateAborted},
		{"snoozed", 1, 0, 0, 0, Snooze(time.Hour), StateRequest},
	} {
		h := &handler{attempts: c.config}
		held := &tasks.Held{Candidate: tasks.Candidate{Attempt: c.attempt, MaxAttempts: c.own}}
		cl := &class{}
		cl.options.MaxAttempts = c.class
		if o := h.outcomeOf(cl, held, c.err); o.State != c.want {
			t.Errorf("%s: %s, want %s", c.name, o.State, c.want)
		}
	}
}

// Waits grow, differ by chance, and have a bound; a class's own are exact.
func TestOutcomeBackoff(t *testing.T) {
	h, cl := &handler{attempts: 100}, &class{}
	for attempt, want := range map[int]time.Duration{0: 10 * time.Second, 1: 30 * time.Second, 2: 90 * time.Second, 9: time.Hour} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := h.outcomeOf(cl, &tasks.Held{Candidate: tasks.Candidate{Attempt: attempt}}, errors.New("x")).Delay
			if d < want*8/10 || d > min(want*12/10, time.Hour) {
				t.Fatalf("after attempt %d: %v, want %v give or take a fifth", attempt+1, d, want)
			}
			seen[d] = true
		}
		if len(seen) < 10 {
			t.Errorf("after attempt %d: only %d different waits", attempt+1, len(seen))
		}
	}
	cl.options.Backoff = func(int) time.Duration { return time.Minute }
	if d := h.outcomeOf(cl, &tasks.Held{}, errors.New("x")).Delay; d != time.Minute {
		t.Errorf("the class says a minute: %v", d)
	}
}
