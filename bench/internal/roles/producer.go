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
	// Starts, if not 0, is instead of a time how many tasks are to start before
	// each insert: so the inserts are spread over a drain however fast that is.
	Starts int
	// Kind is what the tasks are like; raw inserts know the zero value only.
	Kind job.Kind
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
		if err := b.turn(ctx, p, i-p.First); err != nil {
			return nil, err
		}
		b.board.Ask(i, time.Now())
		if err := b.insert(ctx, p.Kind, i); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// turn waits until it is the turn of the k-th insert.
func (b *base) turn(ctx context.Context, p Pace, k int) error {
	if p.Starts == 0 {
		// From 0.75 to 1.25 times Every.
		pause := p.Every*3/4 + time.Duration(rand.Int64N(int64(p.Every/2)+1))
		return sleepUntil(ctx, time.Now().Add(pause))
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.board.Total() < int64((k+1)*p.Starts) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
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
			if err := b.insert(ctx, p.Kind, p.First+k); err != nil {
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
func (b *base) insert(ctx context.Context, kind job.Kind, i int) error {
	var err error
	switch {
	case b.Raw:
		err = raw.One(ctx, raw.Tasks(b.conn.Database()), i)
	case kind.Priority != 0:
		_, err = lgtask.Create(ctx, b.conn, kind.New(i), lgtask.WithPriority(kind.Priority))
	default:
		_, err = lgtask.Create(ctx, b.conn, kind.New(i))
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
