package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bulk is how many tasks go into one bulk call.
const bulk = 1000

// offering is the producer's side of the conversation.
type offering struct{ producer Producer }

func (o *offering) answer(ctx context.Context, c command) (reply, error) {
	switch c.Do {
	case "reset":
		return reply{}, o.producer.Reset(ctx)
	case "enqueue":
		return o.enqueue(ctx, c)
	case "offer":
		return o.offer(ctx, c)
	case "delay":
		return o.delay(ctx, c)
	}
	return reply{}, fmt.Errorf("a producer cannot %q", c.Do)
}

// enqueue adds tasks as fast as the callers can.
func (o *offering) enqueue(ctx context.Context, c command) (reply, error) {
	r := reply{Began: now()}
	var err error
	if c.Callers == 0 {
		err = o.inBulk(ctx, c.N)
	} else {
		err = o.oneByOne(ctx, c.N, c.Callers)
	}
	r.Ended = now()
	return r, err
}

func (o *offering) inBulk(ctx context.Context, n int) error {
	for from := 0; from < n; from += bulk {
		var tasks []Task
		for seq := from; seq < min(n, from+bulk); seq++ {
			tasks = append(tasks, NewTask(seq))
		}
		if err := o.producer.EnqueueBulk(ctx, tasks); err != nil {
			return err
		}
	}
	return nil
}

func (o *offering) oneByOne(ctx context.Context, n, callers int) error {
	var next atomic.Int64
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for errs[i] == nil {
				seq := int(next.Add(1)) - 1
				if seq >= n {
					return
				}
				errs[i] = o.producer.Enqueue(ctx, NewTask(seq))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// offer enqueues a task at each intended instant, whether or not the calls
// before it have returned.
func (o *offering) offer(ctx context.Context, c command) (reply, error) {
	r := reply{Instants: make([]int64, c.N), Called: make([]int64, c.N)}
	errs := make([]error, c.N)
	first := time.Now().Add(time.Duration(c.LeadUS) * time.Microsecond)
	var wg sync.WaitGroup
	for i := range c.N {
		at := first.Add(time.Duration(int64(i)*c.EveryUS) * time.Microsecond)
		pauseUntil(at)
		wg.Go(func() {
			r.Instants[i], r.Called[i] = at.UnixMicro(), now()
			errs[i] = o.producer.Enqueue(ctx, NewTask(i))
		})
	}
	wg.Wait()
	return r, errors.Join(errs...)
}

// pauseUntil blocks the thread, because the timers of the runtime may be a
// millisecond late, which would count against the peer.
func pauseUntil(at time.Time) {
	for left := time.Until(at); left > 0; left = time.Until(at) {
		ts := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&ts, nil) // a signal ends it early, hence the loop
	}
}

// delay enqueues tasks that are due one after another.
func (o *offering) delay(ctx context.Context, c command) (reply, error) {
	var r reply
	var tasks []Task
	var at []time.Time
	first := time.Now().Add(time.Duration(c.LeadUS) * time.Microsecond)
	for i := range c.N {
		due := first.Add(time.Duration(int64(i)*c.EveryUS) * time.Microsecond)
		tasks, at, r.Instants = append(tasks, NewTask(i)), append(at, due), append(r.Instants, due.UnixMicro())
	}
	r.Began = now()
	err := o.producer.EnqueueAt(ctx, tasks, at)
	r.Ended = now()
	return r, err
}
