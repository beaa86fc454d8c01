package dispatcher

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/lgtask/lgtask/tasks"
)

// persist sends a statement, which gets the context with, until it is answered
// or until has ended. It returns how often it failed before it was answered, and
// its last error if it was not. tasks.ErrFenced is an answer.
func (d *Dispatcher) persist(until, with context.Context, what string, send func(context.Context) error) (failures int, err error) {
	defer func() {
		if failures > 0 {
			d.settled(what, err == nil || errors.Is(err, tasks.ErrFenced))
		}
	}()
	for {
		if err = try(with, send); err == nil || errors.Is(err, tasks.ErrFenced) || until.Err() != nil {
			return failures, err
		}
		if failures++; failures == 1 {
			d.failing(what, err)
		}
		select {
		case <-until.Done():
			return failures, err
		case <-time.After(backoff(failures, d.o.Random)):
		}
	}
}

// trouble is a kind of statement that fails and is sent again and again.
type trouble struct {
	statements int // under way
	since      time.Time
}

// failing notes that a statement of a kind begins to fail. The log gets one line for
// all of the kind, and one when none fails any more: an outage of the database lasts
// for many tries of many statements.
func (d *Dispatcher) failing(what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.troubles[what]
	if t == nil {
		t = &trouble{since: time.Now()}
		d.troubles[what] = t
		d.o.Log.Warn().Err(err).Msg("cannot " + what + "; trying again until it works")
	}
	t.statements++
}

// settled notes that a statement which failed has been answered, or given up.
func (d *Dispatcher) settled(what string, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.troubles[what]
	if t.statements--; t.statements > 0 {
		return
	}
	delete(d.troubles, what)
	if answered {
		d.o.Log.Info().Dur("outage", time.Since(t.since)).Msg("could " + what + " again")
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
func backoff(failures int, random func(time.Duration) time.Duration) time.Duration {
	d := min(50*time.Millisecond<<min(failures, 6), 2*time.Second)
	return d*3/4 + random(d/2)
}
