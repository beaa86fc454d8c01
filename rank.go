package lgtask

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Rules of the race for a task. All idle processes hear of a new one at the same
// time, and sweeps of several all find the same; those that lose have asked the
// server for nothing: with 16 of them 15 of 16 claims. So each task has an order of
// processes, a rendezvous hash of both: the first claims at once, and another
// only what it has seen waiting for a while, longer the later it comes. The order
// is a hint; the claim decides.
const (
	rankStep   = 10 * time.Millisecond  // the second waits one step, the third two; or four claims, up to two steps
	stepMost   = 200 * time.Millisecond // of what a sweep finds even more, where claims take long since the server is busy
	rankMost   = 4                      // nobody waits longer than that many steps,
	ampleWait  = 3 * time.Second        // but everybody so long while he sees no end of his own,
	ampleRanks = 2                      // and those who come even later until he does: most see most of what waits
	rankLast   = time.Second            // those after the third look for new tasks once a second
	rankSoon   = 100 * time.Millisecond // the same when claims are lost: others may have come
	fullEvery  = time.Second            // see ranks.low
	seenFor    = 5 * time.Second        // a task that was not seen again for so long is forgotten
	seenMost   = 20_000                 // tasks seen in that time; more are left to those before us
)

// ranks knows the processes that run each class. It is safe for concurrent use.
type ranks struct {
	me string // our epoch

	mu      sync.Mutex
	looked  time.Time
	byClass map[string]group
	// Tasks of others that wait, and when they were first seen: those of this
	// period, and of the one before.
	seen, before map[tasks.ID]time.Time
	turned       time.Time
	ample        bool      // tasks of our own were found, and no end of what waits since
	ended        time.Time // when it last came in sight
	// When the first task was due that the last sweep to the end found. The entries of
	// those that were claimed a moment ago are still in the index, in front of those
	// that wait, and are stepped over one by one. So a sweep begins where the one
	// before found the first, but for one a second, which finds what was given back.
	low  time.Time
	full time.Time // when the last sweep began that began at the front
}

// group are the living processes of a class, if we are among them.
type group struct {
	mine   uint64
	others []uint64
}

// look reads who is there.
func (r *ranks) look(ctx context.Context, store *tasks.Store) error {
	ps, err := store.Processes(ctx)
	if err != nil {
		return err
	}
	r.learn(ps)
	return nil
}

// rename is told the epoch of this process, if it becomes another.
func (r *ranks) rename(epoch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.me, r.byClass = epoch, nil
}

// learn is told who is there.
func (r *ranks) learn(ps []tasks.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byClass, listed := map[string]group{}, false
	for _, p := range ps {
		if p.Dead || p.Age >= lease || len(p.Names) == 0 {
			continue
		}
		for _, class := range p.Classes {
			g := byClass[class]
			if p.Epoch == r.me {
				listed, g.mine = true, hash(p.Epoch)
			} else {
				g.others = append(g.others, hash(p.Epoch))
			}
			byClass[class] = g
		}
	}
	if !listed {
		byClass = nil
	}
	r.byClass, r.looked = byClass, time.Now()
}

// lookSoon reports whether it is worth to look again since a claim was lost.
func (r *ranks) lookSoon() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.looked) >= rankSoon
}

// peers returns how many processes take the same work, us among them.
func (r *ranks) peers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peersLocked()
}

func (r *ranks) peersLocked() int {
	n := 0
	for _, g := range r.byClass {
		if g.mine != 0 {
			n = max(n, len(g.others))
		}
	}
	return n + 1
}

// wait returns how long this process leaves a new task to others. A claim takes as
// long as given.
func (r *ranks) wait(id tasks.ID, class string, claim time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.rankLocked(id, class)
	if n > 0 {
		r.sinceLocked(id, time.Now())
	}
	if n > 2 {
		return rankLast
	}
	return time.Duration(n) * min(max(rankStep, 4*claim), 2*rankStep)
}

// turns decides in one sweep what this process is to claim of what it finds
// waiting: its own, and some of what others have had long enough. As long as no end
// of what waits is in sight, there is much to do for all, and that is long; after it
// came in sight they have their time once more.
type turns struct {
	r     *ranks
	step  time.Duration
	most  int // of others' tasks
	began time.Time
	from  time.Time     // what was due earlier is not looked for; zero: it is
	least time.Time     // the earliest that was found
	own   bool          // own ones were found
	left  tasks.ID      // of the tasks that were left to others, one whose turn is next
	turn  time.Duration // until then
}

// turns begins a sweep. A claim takes as long as given, and at most so many tasks
// of others are wanted: who takes more at a time takes what others take too.
func (r *ranks) turns(claim time.Duration, most int) *turns {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &turns{r: r, step: min(max(rankStep, 4*claim), stepMost), most: most, began: time.Now()}
	if t.began.Sub(r.full) < fullEvery {
		t.from = r.low
	}
	return t
}

func (t *turns) take(id tasks.ID, class string, due time.Time) bool {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if t.least.IsZero() || due.Before(t.least) {
		t.least = due
	}
	n := t.r.rankLocked(id, class)
	if n == 0 {
		t.own = true
		return true
	}
	if t.r.ample && n > ampleRanks {
		if t.left.IsZero() {
			t.left, t.turn = id, ampleWait
		}
		return false
	}
	now := time.Now()
	age := now.Sub(t.r.sinceLocked(id, now))
	turn := ampleWait
	if !t.r.ample {
		turn, age = time.Duration(min(n, rankMost))*t.step, min(age, now.Sub(t.r.ended))
	}
	if age >= turn && t.most > 0 {
		t.most--
		return true
	}
	if t.left.IsZero() || turn-age < t.turn {
		t.left, t.turn = id, turn-age
	}
	return false
}

// wholeSweep stands for what a sweep that did not begin at the front may have missed.
var wholeSweep = tasks.NewID()

// page is told of the end of a page, and whether more waits behind it. At the end of
// all it returns when to sweep again for what was left to others.
func (t *turns) page(more bool) (id tasks.ID, wait time.Duration, any bool) {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if more {
		t.r.ample = t.r.ample || t.own
		return tasks.ID{}, 0, false
	}
	if t.from.IsZero() {
		t.r.full = t.began
	}
	t.r.low = t.least
	if t.r.ample {
		t.r.ample, t.r.ended = false, time.Now()
		t.turn = min(t.turn, t.step)
	}
	if t.left.IsZero() && !t.from.IsZero() {
		return wholeSweep, max(fullEvery-time.Since(t.r.full), time.Millisecond), true
	}
	return t.left, max(t.turn, time.Millisecond), !t.left.IsZero()
}

// sinceLocked returns since when a task has been seen.
func (r *ranks) sinceLocked(id tasks.ID, now time.Time) time.Time {
	if now.Sub(r.turned) >= seenFor {
		r.before, r.seen, r.turned = r.seen, map[tasks.ID]time.Time{}, now
	}
	at, known := r.seen[id]
	if !known {
		if at, known = r.before[id]; !known {
			at = now
		}
		if len(r.seen) < seenMost {
			r.seen[id] = at
		}
	}
	return at
}

// rankLocked returns how many processes come before us for a task.
func (r *ranks) rankLocked(id tasks.ID, class string) (n int) {
	g := r.byClass[class]
	if g.mine == 0 || len(g.others) == 0 {
		return 0 // alone, or not listed yet
	}
	h := id.Hash()
	mine := mix(h ^ g.mine)
	for _, o := range g.others {
		if mix(h^o) > mine {
			n++
		}
	}
	return n
}

// hash is never 0.
func hash(epoch string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(epoch)) // a hash takes everything
	return mix(h.Sum64()) | 1
}

// mix spreads a change of any bit over all of them.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
