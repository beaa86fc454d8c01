// Command asynq lets the benchmark measure asynq.
//
// Tuned means that an idle worker asks Redis every millisecond, and that
// delayed tasks are looked for every 10 ms; by default these are one second
// and five. All else is as asynq has it. asynq has no bulk call.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/lgtask/lgtask/bench/peers/peer"
	"github.com/redis/go-redis/v9"
)

const (
	kind  = "noop"
	queue = "default"
)

func main() {
	os.Exit(peer.Main(os.Args[1:], newProducer, newWorker))
}

type producer struct {
	client  *asynq.Client
	address string
}

func newProducer(_ context.Context, s peer.Setup) (peer.Producer, error) {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: s.Address})
	return &producer{client: client, address: s.Address}, client.Ping()
}

func (p *producer) Reset(ctx context.Context) error {
	c := redis.NewClient(&redis.Options{Addr: p.address})
	return errors.Join(c.FlushAll(ctx).Err(), c.Close())
}

func (p *producer) Enqueue(ctx context.Context, t peer.Task) error {
	return p.enqueue(ctx, t)
}

func (p *producer) enqueue(ctx context.Context, t peer.Task, opts ...asynq.Option) error {
	payload, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = p.client.EnqueueContext(ctx, asynq.NewTask(kind, payload), opts...)
	return err
}

func (p *producer) EnqueueBulk(context.Context, []peer.Task) error {
	return errors.ErrUnsupported
}

// callers is how many goroutines enqueue delayed tasks, for want of a bulk call.
const callers = 16

func (p *producer) EnqueueAt(ctx context.Context, tasks []peer.Task, at []time.Time) error {
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < len(tasks) && errs[c] == nil; i += callers {
				errs[c] = p.enqueue(ctx, tasks[i], asynq.ProcessAt(at[i]))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

type worker struct {
	server    *asynq.Server
	inspector *asynq.Inspector
	started   bool
}

func newWorker(_ context.Context, s peer.Setup) (peer.Worker, error) {
	cfg := asynq.Config{Concurrency: s.Workers, LogLevel: asynq.ErrorLevel}
	if s.Tuned {
		cfg.TaskCheckInterval = time.Millisecond
		cfg.DelayedTaskCheckInterval = 10 * time.Millisecond
	}
	redis := asynq.RedisClientOpt{Addr: s.Address}
	w := &worker{server: asynq.NewServer(redis, cfg), inspector: asynq.NewInspector(redis)}
	return w, w.server.Ping()
}

func (w *worker) Start(_ context.Context, handle func(seq int)) error {
	w.started = true
	return w.server.Start(asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error {
		var task peer.Task
		if err := json.Unmarshal(t.Payload(), &task); err != nil {
			return err
		}
		handle(task.Seq)
		return nil
	}))
}

func (w *worker) Unfinished(context.Context) (int, error) {
	info, err := w.inspector.GetQueueInfo(queue)
	if err != nil {
		return 0, err
	}
	return info.Pending + info.Active + info.Scheduled + info.Retry + info.Archived, nil
}

func (w *worker) Stop(context.Context) error {
	if w.started {
		w.server.Shutdown()
	}
	return w.inspector.Close()
}
