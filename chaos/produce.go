//go:build unix

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lgtask/lgtask"
)

// produce enqueues until ctx ends, and remembers what was acknowledged. An unknown
// outcome is repeated with the same ID until it is known.
func (w *world) produce(ctx context.Context, r *rand.Rand) {
	for wait(ctx, time.Duration(5+r.IntN(20))*time.Millisecond) == nil {
		e, when := &Effect{}, lgtask.Now()
		switch n := r.IntN(100); {
		case n < 10:
			e.Takes = int64(r.IntN(500))
		case n < 12:
			e.Takes = int64(2000 + r.IntN(6000))
		case n < 20:
			e.Fails = int64(1 + r.IntN(2))
		case n < 30:
			when = lgtask.In(time.Duration(r.IntN(5000)) * time.Millisecond)
		}
		w.enqueue(ctx, when, e)
	}
}

// enqueue goes on beyond the end of ctx, which ends only the play, if the outcome is
// not known.
func (w *world) enqueue(ctx context.Context, when lgtask.When, e *Effect) {
	var opts []lgtask.TaskOption
	for {
		calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		res, err := lgtask.Delayed(calling, w.conn, when, e, opts...)
		cancel()
		var unknown *lgtask.ErrUnknownOutcome
		switch {
		case err == nil:
			w.mu.Lock()
			w.acked[res.ID], w.last = true, time.Now()
			w.mu.Unlock()
			return
		case errors.As(err, &unknown):
			w.report.unknown.Add(1)
			opts = []lgtask.TaskOption{lgtask.WithID(unknown.ID)}
		case ctx.Err() != nil:
			return // refused, and nobody waits for it
		default:
			w.report.refused.Add(1)
		}
	}
}

// report counts what happened.
type report struct {
	unknown, refused counter
	mu               sync.Mutex
	done             map[string]int // what was done, how often
	resumed          []float64      // from a primary's end to the first acknowledged enqueue, s
}

func (r *report) did(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = map[string]int{}
	}
	r.done[what]++
}
