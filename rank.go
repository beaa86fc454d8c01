package lgtask

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Rules of the race for a new task. All idle processes hear of it at the same
// time, and those that lose have asked the server for nothing: with 16 of them 15
// of 16 claims. So each task has an order of processes, a rendezvous hash of both:
// the first claims at once, the next two look after a moment whether it still
// waits, and the others later. The order is a hint; the claim decides.
const (
	rankStep  = 10 * time.Millisecond // the second waits one step, the third two
	rankLast  = time.Second           // all others look once a second
	rankEvery = 5 * time.Second       // between two looks at who is there
)

// ranks knows the processes that run each class. It is safe for concurrent use.
type ranks struct {
	me string // our epoch

	mu      sync.Mutex
	byClass map[string][]string // epochs of living processes, ours among them
}

// look reads who is there.
func (r *ranks) look(ctx context.Context, store *tasks.Store) error {
	ps, err := store.Processes(ctx)
	if err != nil {
		return err
	}
	byClass := map[string][]string{}
	for _, p := range ps {
		if p.Dead || p.Age >= lease || len(p.Names) == 0 {
			continue
		}
		for _, class := range p.Classes {
			byClass[class] = append(byClass[class], p.Epoch)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byClass = byClass
	return nil
}

// wait returns how long this process leaves a new task to others.
func (r *ranks) wait(id tasks.ID, class string) time.Duration {
	r.mu.Lock()
	epochs := r.byClass[class]
	r.mu.Unlock()
	if len(epochs) < 2 || !slices.Contains(epochs, r.me) {
		return 0 // alone, or not listed yet
	}
	switch n := rank(id.String(), r.me, epochs); {
	case n <= 2:
		return time.Duration(n) * rankStep
	default:
		return rankLast
	}
}

// rank returns how many of the epochs come before ours for a task.
func rank(id, me string, epochs []string) (n int) {
	mine := score(id, me)
	for _, e := range epochs {
		if s := score(id, e); s > mine || s == mine && e > me {
			n++
		}
	}
	return n
}

func score(id, epoch string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	_, _ = h.Write([]byte(epoch))
	// The last bytes of an FNV hash change few of its bits.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
