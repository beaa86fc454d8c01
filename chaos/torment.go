//go:build unix

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// nemesis does damage, and undoes it if it does not heal by itself.
type nemesis struct {
	name   string
	weight int
	server bool // one of these at a time: the set is to keep its majority
	cut    bool // only with hosts that can be cut off
	do     func(ctx context.Context, w *world, r *rand.Rand) error
}

var nemeses = []nemesis{
	{"kill -9 a worker", 8, false, false, func(_ context.Context, w *world, r *rand.Rand) error {
		w.any(r).signal(syscall.SIGKILL)
		return nil
	}},
	{"freeze a worker for seconds", 4, false, false, func(ctx context.Context, w *world, r *rand.Rand) error {
		return w.freeze(ctx, w.any(r), time.Duration(1+r.IntN(10))*time.Second)
	}},
	{"freeze a worker beyond its lease", 1, false, false, func(ctx context.Context, w *world, r *rand.Rand) error {
		return w.freeze(ctx, w.any(r), time.Duration(35+r.IntN(10))*time.Second)
	}},
	{"deploy a worker", 3, false, false, func(_ context.Context, w *world, r *rand.Rand) error {
		w.any(r).signal(syscall.SIGTERM)
		return nil
	}},
	{"kill -9 the primary", 2, true, false, func(ctx context.Context, w *world, r *rand.Rand) error {
		primary, err := w.server.Primary(ctx)
		if err != nil {
			return err
		}
		if err := w.server.Signal(primary, syscall.SIGKILL); err != nil {
			return err
		}
		w.watchResume()
		_ = wait(ctx, time.Duration(1+r.IntN(10))*time.Second)
		return w.server.Restart(ctx)
	}},
	{"step down", 2, true, false, func(ctx context.Context, w *world, _ *rand.Rand) error {
		w.watchResume()
		err := w.conn.Database().Client().Database("admin").RunCommand(ctx, bson.D{{Key: "replSetStepDown", Value: 10}, {Key: "force", Value: true}}).Err()
		if err != nil { // the reply may be lost with the connection
			w.say("step down: %v", err)
		}
		return nil
	}},
	{"freeze the primary", 1, true, false, func(ctx context.Context, w *world, r *rand.Rand) error {
		primary, err := w.server.Primary(ctx)
		if err != nil {
			return err
		}
		if err := w.server.Signal(primary, syscall.SIGSTOP); err != nil {
			return err
		}
		w.watchResume()
		_ = wait(ctx, time.Duration(5+r.IntN(20))*time.Second)
		return w.server.Signal(primary, syscall.SIGCONT)
	}},
	{"fail points", 2, true, false, func(ctx context.Context, w *world, r *rand.Rand) error { return w.failPoint(ctx, r) }},
	{"cut a worker off for seconds", 4, false, true, func(ctx context.Context, w *world, r *rand.Rand) error {
		return w.cutOff(ctx, r, time.Duration(1+r.IntN(10))*time.Second)
	}},
	{"cut a worker off beyond its lease", 1, false, true, func(ctx context.Context, w *world, r *rand.Rand) error {
		return w.cutOff(ctx, r, time.Duration(35+r.IntN(10))*time.Second)
	}},
	{"isolate the primary", 2, true, true, func(ctx context.Context, w *world, r *rand.Rand) error { return w.isolate(ctx, r) }},
}

// torment picks one nemesis after the other, until ctx ends.
func (w *world) torment(ctx context.Context, r *rand.Rand) error {
	total := 0
	for _, n := range nemeses {
		total += n.weight
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	serving := make(chan struct{}, 1)
	var mu sync.Mutex
	var failed error
	for wait(ctx, time.Duration(500+r.IntN(5000))*time.Millisecond) == nil {
		k, n := r.IntN(total), 0
		for ; k >= nemeses[n].weight; n++ {
			k -= nemeses[n].weight
		}
		chosen, own := nemeses[n], rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
		if chosen.cut && len(w.hosts.members) == 0 {
			continue // drawn all the same: the seed means the same on every machine
		}
		if chosen.server {
			select {
			case serving <- struct{}{}:
			default:
				continue
			}
		}
		w.say("%s", chosen.name)
		w.report.did(chosen.name)
		wg.Go(func() {
			// Beyond the end of the play: what was begun is undone.
			err := chosen.do(context.WithoutCancel(ctx), w, own)
			if chosen.server {
				<-serving
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				w.say("%s: %v", chosen.name, err)
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return failed
}

func (w *world) any(r *rand.Rand) *crewman { return w.crew[r.IntN(len(w.crew))] }

func (w *world) freeze(ctx context.Context, c *crewman, d time.Duration) error {
	c.signal(syscall.SIGSTOP)
	defer c.signal(syscall.SIGCONT)
	return wait(ctx, d)
}

// watchResume measures the time until an enqueue is acknowledged that began after
// now.
func (w *world) watchResume() {
	from := time.Now()
	go func() {
		for wait(context.Background(), 10*time.Millisecond) == nil {
			w.mu.Lock()
			last := w.last
			w.mu.Unlock()
			if last.After(from.Add(500 * time.Millisecond)) { // one before may have been on its way
				w.report.mu.Lock()
				w.report.resumed = append(w.report.resumed, last.Sub(from).Seconds())
				w.report.mu.Unlock()
				return
			}
			if time.Since(from) > 2*time.Minute {
				return
			}
		}
	}()
}

// heal brings back what is down.
func (w *world) heal(ctx context.Context) error {
	w.say("healing")
	if err := w.hosts.heal(ctx); err != nil {
		return err
	}
	for i := range members {
		if err := w.server.Signal(i, syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	if err := w.server.Restart(ctx); err != nil {
		return err
	}
	for _, c := range w.crew {
		c.signal(syscall.SIGCONT)
	}
	w.restart()
	return nil
}
