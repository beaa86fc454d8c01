package dispatcher

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/lgtask/lgtask/tasks"
)

// loop is the state of Run's goroutine; nothing else touches its own fields.
type loop struct {
	*Dispatcher
	work     context.Context // of handlers and completions: outlives Run's
	free     []string        // names without a task
	pool     *pool.Pool
	failures int // claims or sweeps that failed in a row
}

// step gives work to free processors until there is none of either. The channel
// it returns, if not nil, says when to try again after a failure.
func (l *loop) step(ctx context.Context) <-chan time.Time {
	for len(l.free) > 0 && ctx.Err() == nil {
		cs, sweep := l.take()
		switch {
		case sweep:
			if err := l.sweep(ctx); err != nil {
				return l.failed(ctx, err)
			}
		case len(cs) == 0:
			return nil
		default:
			if err := l.claim(ctx, cs); err != nil {
				l.Wake() // the offers are gone; the documents are not
				return l.failed(ctx, err)
			}
		}
		l.failures = 0
		l.collect()
	}
	l.spill()
	return nil
}

// take returns the next offers, at most one for each free processor, or says
// that a sweep is due.
func (l *loop) take() (cs []tasks.Candidate, sweep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.backlog {
		l.offers = nil // the sweep finds them, in their order
		return nil, true
	}
	n := min(len(l.free), len(l.offers))
	cs, l.offers = l.offers[:n:n], l.offers[n:]
	l.claims += n
	return cs, false
}

// spill leaves the offers that no processor is free for to a sweep.
func (l *loop) spill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.offers) > 0 {
		l.offers, l.backlog = nil, true
	}
}

// collect takes back processors whose runs ended while we were claiming.
func (l *loop) collect() {
	for {
		select {
		case s := <-l.ended:
			l.release(s)
		default:
			return
		}
	}
}

func (l *loop) release(s slot) {
	l.free = append(l.free, s.name)
}

func (l *loop) sweep(ctx context.Context) error {
	// The flag is cleared before the read: what comes in meanwhile sets it
	// again.
	l.mu.Lock()
	l.backlog = false
	l.claims++
	l.stats.Sweeps++
	l.mu.Unlock()
	n := len(l.free)
	cs, err := l.o.Claims.Candidates(ctx, tasks.Query{Classes: l.o.Handler.Classes(), Blocked: l.Blocked(), Limit: n})
	l.mu.Lock()
	l.backlog = l.backlog || err != nil || len(cs) == n
	l.claims += len(cs) - 1
	if len(cs) == 0 {
		l.notifyLocked()
	}
	l.mu.Unlock()
	if err != nil || len(cs) == 0 {
		return err
	}
	if err := l.claim(ctx, cs); err != nil {
		l.Wake()
		return err
	}
	return nil
}

// failed waits longer with each failure in a row, up to 15 s.
func (l *loop) failed(ctx context.Context, err error) <-chan time.Time {
	if ctx.Err() != nil {
		return nil
	}
	l.failures++
	if l.failures == 1 {
		l.o.Log.Warn().Err(err).Msg("cannot claim; trying again")
	}
	return time.After(backoff(l.failures))
}

func backoff(failures int) time.Duration {
	d := min(50*time.Millisecond<<min(failures, 12), 15*time.Second)
	return d*3/4 + rand.N(d/2)
}
