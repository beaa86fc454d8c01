package lgtask

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// hopeless ends a task that would fail in the same way in every attempt.
func hopeless(err error) tasks.Outcome {
	return tasks.Outcome{State: tasks.Error, LastLog: err.Error(), Failure: err.Error(), Spent: true}
}

// later gives a task back for what is not its fault.
func later(reason string) tasks.Outcome {
	return tasks.Outcome{State: tasks.Request, LastLog: reason, Delay: time.Second}
}

// outcome decides what becomes of a task whose attempt failed.
func (h *handler) outcomeOf(cl *class, held *tasks.Held, err error) tasks.Outcome {
	text := err.Error()
	if text == "" {
		text = "the handler returned an error without a text"
	}
	attempt, most := held.Attempt+1, h.maxAttempts(cl, held)
	var s *steering
	if errors.As(err, &s) {
		switch {
		case s.verb == "fail":
			return hopeless(err)
		case s.verb == "discard":
			return tasks.Outcome{State: tasks.Aborted, LastLog: text, Failure: text, Spent: true}
		case s.verb == "snooze":
			return tasks.Outcome{State: tasks.Request, LastLog: text, Delay: s.delay}
		case attempt < most || !h.limited(cl, held):
			return tasks.Outcome{State: tasks.Request, LastLog: text, Failure: text, Delay: s.delay, Spent: true}
		}
	}
	if attempt < most {
		return tasks.Outcome{State: tasks.Request, LastLog: text, Failure: text, Delay: cl.backoff(attempt), Spent: true}
	}
	return tasks.Outcome{State: tasks.Error, LastLog: text, Failure: text, Spent: true}
}

// backoff returns the wait after a failed attempt: that of the class, or the
// default one if it has none or its function panics, as this is called where a
// panic would end the program.
func (cl *class) backoff(attempt int) (d time.Duration) {
	if cl.options.Backoff == nil {
		return spread(DefaultBackoff(attempt))
	}
	defer func() {
		if recover() != nil {
			d = spread(DefaultBackoff(attempt))
		}
	}()
	return bounded(cl.options.Backoff(attempt))
}

// spread changes a wait by up to a fifth, at random, so that what failed together
// does not come back together; the longest is an hour all the same.
func spread(d time.Duration) time.Duration {
	return min(d-d/5+rand.N(d*2/5+1), longestBackoff)
}

// limited reports whether somebody set a limit of attempts.
func (h *handler) limited(cl *class, held *tasks.Held) bool {
	return held.MaxAttempts > 0 || cl.options.MaxAttempts > 0 || h.attempts > 1
}

// maxAttempts is what the task says, else its class, else the configuration.
func (h *handler) maxAttempts(cl *class, held *tasks.Held) int {
	return cmp.Or(max(held.MaxAttempts, 0), max(cl.options.MaxAttempts, 0), max(h.attempts, 1))
}
