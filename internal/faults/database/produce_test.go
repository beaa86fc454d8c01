//go:build faults && unix

package database

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/lgtask/lgtask"
)

// produce enqueues from several goroutines, each some 50 tasks a second, until stop
// is called, which waits for the last outcome to be known.
func (w *world) produce(callers int) (stop func()) {
	return w.produceEvery(callers, 20*time.Millisecond)
}

// produceEvery is produce at another pace.
func (w *world) produceEvery(callers int, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	for range callers {
		w.book.producer.Go(func() {
			for n := 0; wait(ctx, every/2+rand.N(every)) == nil; n++ {
				k := &Work{N: n}
				if n%20 == 0 {
					k.Takes = rand.Int64N(500)
				}
				w.enqueue(ctx, k)
			}
		})
	}
	stop = func() { cancel(); w.book.producer.Wait() }
	w.Cleanup(stop)
	return stop
}

// enqueue enqueues a task, and repeats it until its outcome is known, with the same
// ID if it may be there. The end of ctx ends it only after a refusal.
func (w *world) enqueue(ctx context.Context, k *Work, opts ...lgtask.TaskOption) (id lgtask.TaskID) {
	for {
		calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		res, err := lgtask.Create(calling, w.conn, k, opts...)
		cancel()
		var unknown *lgtask.ErrUnknownOutcome
		switch {
		case err == nil:
			w.book.change(func() { w.book.acked[res.ID] = time.Now() })
			return res.ID
		case errors.As(err, &unknown):
			opts = []lgtask.TaskOption{lgtask.WithID(unknown.ID)}
			w.book.change(func() { w.book.unknown++ })
		case ctx.Err() != nil:
			return lgtask.TaskID{}
		default:
			w.book.change(func() { w.book.refused++ })
		}
	}
}

// create enqueues a task where nothing is wrong.
func (w *world) create(k *Work, opts ...lgtask.TaskOption) lgtask.TaskID {
	w.Helper()
	return w.enqueue(w.Context(), k, opts...)
}

// batch asks for a run of a name.
func (w *world) batch(k *Work, name string) {
	w.Helper()
	res, err := w.calm.BatchTask(w.within(time.Minute), lgtask.Now(), "Work", map[string]any{"takes": k.Takes, "logs": k.Logs}, lgtask.WithTaskName(name))
	w.must(err)
	w.book.change(func() { w.book.acked[res.ID] = time.Now() })
}
