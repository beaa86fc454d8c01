package dispatcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/lgtask/lgtask/tasks"
)

// persist sends a statement, which gets the context with, until it is answered
// or until has ended. It returns how often it failed before it was answered, and
// its last error if it was not. tasks.ErrFenced is an answer.
func (d *Dispatcher) persist(until, with context.Context, what string, send func(context.Context) error) (failures int, err error) {
	for {
		if err = try(with, send); err == nil || errors.Is(err, tasks.ErrFenced) {
			if failures > 0 {
				d.o.Log.Info().Int("failures", failures).Msg("could " + what + " again")
			}
			return failures, err
		}
		if until.Err() != nil {
			return failures, err
		}
		if failures++; failures%20 == 1 { // the first, then about one in 40 s
			d.o.Log.Warn().Err(err).Int("failures", failures).Msg("cannot " + what + "; trying again")
		}
		select {
		case <-until.Done():
			return failures, err
		case <-time.After(backoff(failures)):
		}
	}
}

// try calls send and returns a panic as an error.
func try(ctx context.Context, send func(context.Context) error) (err error) {
	if r := panics.Try(func() { err = send(ctx) }); r != nil {
		return r.AsError()
	}
	return err
}

// backoff is longer with each failure in a row, up to 2 s, give or take a
// quarter. It stays that short so that work resumes soon after an election.
func backoff(failures int) time.Duration {
	d := min(50*time.Millisecond<<min(failures, 6), 2*time.Second)
	return d*3/4 + rand.N(d/2)
}
