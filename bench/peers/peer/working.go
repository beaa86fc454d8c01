package peer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// working is the worker's side of the conversation.
type working struct {
	worker Worker
	began  int64

	mu     sync.Mutex // guards what the handlers write
	seqs   []int
	starts []int64
}

func (w *working) answer(ctx context.Context, c command) (reply, error) {
	switch c.Do {
	case "start":
		w.began = now()
		return reply{Began: w.began}, w.worker.Start(ctx, w.handle)
	case "await":
		return w.await(ctx, c.N)
	}
	return reply{}, fmt.Errorf("a worker cannot %q", c.Do)
}

// handle is the whole of a task: it records its start.
func (w *working) handle(seq int) {
	at := now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seqs, w.starts = append(w.seqs, seq), append(w.starts, at)
}

// await returns when n tasks have started since the last await and the server
// holds none for unfinished, with the starts.
func (w *working) await(ctx context.Context, n int) (reply, error) {
	for w.started() < n {
		time.Sleep(2 * time.Millisecond)
	}
	for {
		left, err := w.worker.Unfinished(ctx)
		if err != nil {
			return reply{}, err
		}
		if left == 0 {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	ended := now()
	w.mu.Lock()
	defer w.mu.Unlock()
	r := reply{Began: w.began, Ended: ended, Seqs: w.seqs, Instants: w.starts}
	w.seqs, w.starts = nil, nil
	return r, nil
}

func (w *working) started() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seqs)
}
