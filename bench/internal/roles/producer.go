package roles

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
)

// Pace asks for the tasks First to First+N−1. On the board, a task is asked for
// when its insert is called, or, if the pace is Open, at the instant at which it
// was meant to be: a caller who is late does not make the latencies look better.
type Pace struct {
	First, N int
	Every    time.Duration
	// Open inserts at the set instants whether or not the inserts before have been
	// acknowledged. Otherwise they go one after the other, and the time between two
	// varies by half of Every, so that they meet no rhythm of the server's.
	Open bool
}

// producer enqueues tasks. Its verb: pace.
func producer(ctx context.Context, setup json.RawMessage) (*child.Actor, error) {
	b, err := open(ctx, setup)
	if err != nil {
		return nil, err
	}
	// The first call of a connection has more to do than those that follow.
	if _, err := b.conn.CountTasks(ctx, lgtask.TaskFilter{Limit: 1}); err != nil {
		return nil, err
	}
	return &child.Actor{Verbs: map[string]child.Verb{"pace": child.Do(b.pace)}, End: b.end}, nil
}

func (b *base) pace(ctx context.Context, p Pace) (any, error) {
	if p.Open {
		return nil, b.paceOpen(ctx, p)
	}
	for i := p.First; i < p.First+p.N; i++ {
		// From 0.75 to 1.25 times Every.
		pause := p.Every*3/4 + time.Duration(rand.Int64N(int64(p.Every/2)+1))
		if err := sleepUntil(ctx, time.Now().Add(pause)); err != nil {
			return nil, err
		}
		b.board.Ask(i, time.Now())
		if err := b.insert(ctx, i); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (b *base) paceOpen(ctx context.Context, p Pace) error {
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now().Add(100 * time.Millisecond)
	for k := range p.N {
		at := start.Add(time.Duration(k) * p.Every)
		if err := sleepUntil(ctx, at); err != nil {
			break
		}
		b.board.Ask(p.First+k, at)
		wg.Go(func() {
			if err := b.insert(ctx, p.First+k); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return first
}

// insert enqueues a task and notes when that was acknowledged.
func (b *base) insert(ctx context.Context, i int) error {
	var err error
	if b.Raw {
		err = raw.One(ctx, raw.Tasks(b.conn.Database()), i)
	} else {
		_, err = lgtask.Create(ctx, b.conn, job.New(i))
	}
	b.board.Ack(i)
	return err
}

func sleepUntil(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
