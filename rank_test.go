package lgtask

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// ranksOf returns what n processes of class C know of each other.
func ranksOf(n int) []*ranks {
	all := make([]*ranks, n)
	for i := range all {
		all[i] = &ranks{me: fmt.Sprintf("66b2f0c1a4e9d0a1b2c3d4%02x", i)}
	}
	for _, r := range all {
		g := group{mine: hash(r.me)}
		for _, o := range all {
			if o != r {
				g.others = append(g.others, hash(o.me))
			}
		}
		r.byClass = map[string]group{"C": g}
	}
	return all
}

func (r *ranks) rank(id tasks.ID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rankLocked(id, "C")
}

// TestRank: for each task every process has another rank, and each of them is
// the first about equally often.
func TestRank(t *testing.T) {
	all := ranksOf(16)
	first := map[*ranks]int{}
	const n = 4000
	for range n {
		id := tasks.NewID()
		seen := map[int]bool{}
		for _, r := range all {
			k := r.rank(id)
			seen[k] = true
			if k == 0 {
				first[r]++
			}
		}
		if len(seen) != len(all) {
			t.Fatalf("%d ranks of %d processes", len(seen), len(all))
		}
	}
	for _, r := range all {
		if share := first[r] * len(all); share < n*6/10 || share > n*14/10 {
			t.Errorf("%s is the first for %d of %d tasks", r.me, first[r], n)
		}
		if p := r.peers(); p != 16 {
			t.Errorf("%d peers", p)
		}
	}
}

func TestRankWait(t *testing.T) {
	id := tasks.NewID()
	r := &ranks{me: "a"}
	if d := r.wait(id, "C", 0); d != 0 || r.peers() != 1 {
		t.Errorf("nobody is known: %v, %d peers", d, r.peers())
	}
	r.byClass = map[string]group{"C": {others: []uint64{1, 2}}}
	if d := r.wait(id, "C", 0); d != 0 || r.peers() != 1 {
		t.Errorf("of another class: %v, %d peers", d, r.peers())
	}
	waits := map[string]int{}
	for _, r := range ranksOf(5) {
		waits[r.wait(id, "C", 0).String()]++
	}
	if waits["0s"] != 1 || waits["10ms"] != 1 || waits["20ms"] != 1 || waits["1s"] != 2 {
		t.Errorf("waits %v", waits)
	}
}

// TestTurns: who finds a task waiting takes it if nobody comes before him, or if
// he has seen it for as long as those before him have had to take it.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, claim := range []time.Duration{0, 30 * time.Millisecond, time.Second} {
			id := tasks.NewID()
			for _, r := range ranksOf(8) {
				step := min(max(rankStep, 4*claim), stepMost)
				want := time.Duration(min(r.rank(id), rankMost)) * step
				for passed := time.Duration(0); ; passed += step / 2 {
					s := r.turns(claim, 1)
					took := s.take(id, "C", time.Time{})
					left, wait, any := s.page(false)
					if took != (passed >= want) || any == took || any && (left != id || wait != want-passed) {
						t.Fatalf("rank %d, claims take %v, after %v: %v, %v", r.rank(id), claim, passed, took, wait)
					}
					if took {
						break
					}
					<-time.After(step / 2)
				}
			}
		}
	})
}

// TestTurnsWithoutEnd: while no end of what waits is in sight nobody takes what is
// others' but after seconds, and when it is they have their time once more.
func TestTurnsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ranksOf(2)[0]
		own, other := tasks.NewID(), tasks.NewID()
		for r.rank(own) != 0 || r.rank(other) != 1 {
			own, other = tasks.NewID(), tasks.NewID()
		}
		look := func(more bool, ids ...tasks.ID) (took []bool, wait time.Duration) {
			s := r.turns(0, 1)
			for _, id := range ids {
				took = append(took, s.take(id, "C", time.Time{}))
			}
			_, wait, _ = s.page(more)
			return took, wait
		}
		for at := time.Duration(0); at < ampleWait; at += ampleWait / 10 {
			if took, _ := look(true, other, own); took[0] || !took[1] {
				t.Fatalf("after %v: %v", at, took)
			}
			if at == 0 {
				look(true, own)
			}
			<-time.After(ampleWait / 10)
		}
		if took, wait := look(false, other, other); !took[0] || took[1] || wait > rankStep {
			t.Errorf("after its time, and one more than wanted: %v, %v", took, wait)
		}
		if took, wait := look(false, other); took[0] || wait != rankStep {
			t.Errorf("just after the end: %v, %v", took, wait)
		}
		<-time.After(rankStep)
		if took, _ := look(false, own, other); !took[0] || !took[1] {
			t.Errorf("others had their time: %v", took)
		}
	})
}

// TestSeen: what is not seen again is forgotten, and what is stays.
func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *ranks
		id, lost := tasks.NewID(), tasks.NewID()
		for _, r = range ranksOf(3) {
			if r.rank(id) == 2 && r.rank(lost) > 0 {
				break
			}
			r = nil
		}
		for r == nil { // other tasks
			id, lost = tasks.NewID(), tasks.NewID()
			for _, o := range ranksOf(3) {
				if o.rank(id) == 2 && o.rank(lost) > 0 {
					r = o
				}
			}
		}
		began := time.Now()
		r.wait(lost, "C", 0)
		for range 20 {
			r.wait(id, "C", 0)
			<-time.After(seenFor / 3)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if at := r.sinceLocked(id, time.Now()); !at.Equal(began) {
			t.Errorf("seen since %v", at.Sub(began))
		}
		if at := r.sinceLocked(lost, time.Now()); at.Equal(began) {
			t.Error("not forgotten")
		}
	})
}

// TestTurnsBegin: a sweep begins where the last found the first task, but once a
// second at the front, even if nothing else calls for one.
func TestTurnsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ranksOf(2)[0]
		own := tasks.NewID()
		for r.rank(own) != 0 {
			own = tasks.NewID()
		}
		due := time.Now().Add(-time.Minute)
		sweep := func(from time.Time, dues ...time.Time) (tasks.ID, time.Duration) {
			t.Helper()
			s := r.turns(0, 1)
			if !s.from.Equal(from) {
				t.Errorf("begins at %v instead of %v", s.from, from)
			}
			for _, d := range dues {
				s.take(own, "C", d)
			}
			id, wait, _ := s.page(false)
			return id, wait
		}
		if id, _ := sweep(time.Time{}, due.Add(time.Second), due); !id.IsZero() {
			t.Error("after a whole sweep another was asked for")
		}
		<-time.After(fullEvery / 4)
		if id, wait := sweep(due, due.Add(time.Second)); id != wholeSweep || wait != fullEvery*3/4 {
			t.Errorf("after a part a whole one was asked for in %v", wait)
		}
		sweep(due.Add(time.Second))
		sweep(time.Time{}) // nothing was found
		<-time.After(fullEvery)
		sweep(time.Time{}, due)
		<-time.After(fullEvery)
		sweep(time.Time{}, due)
	})
}
