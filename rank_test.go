package lgtask

import (
	"fmt"
	"testing"

	"github.com/lgtask/lgtask/tasks"
)

// TestRank: for each task every process has another rank, and each of them is
// the first about equally often.
func TestRank(t *testing.T) {
	var epochs []string
	for i := range 16 {
		epochs = append(epochs, fmt.Sprintf("66b2f0c1a4e9d0a1b2c3d4%02x", i))
	}
	first := map[string]int{}
	const n = 4000
	for range n {
		id := tasks.NewID().String()
		seen := map[int]bool{}
		for _, e := range epochs {
			r := rank(id, e, epochs)
			seen[r] = true
			if r == 0 {
				first[e]++
			}
		}
		if len(seen) != len(epochs) {
			t.Fatalf("%d ranks of %d processes", len(seen), len(epochs))
		}
	}
	for _, e := range epochs {
		if share := first[e] * len(epochs); share < n*6/10 || share > n*14/10 {
			t.Errorf("%s is the first for %d of %d tasks", e, first[e], n)
		}
	}
}

func TestRankWait(t *testing.T) {
	id := tasks.NewID()
	r := &ranks{me: "a"}
	if d := r.wait(id, "C"); d != 0 {
		t.Errorf("nobody is known: %v", d)
	}
	r.byClass = map[string][]string{"C": {"b", "c"}}
	if d := r.wait(id, "C"); d != 0 {
		t.Errorf("not listed yet: %v", d)
	}
	r.byClass = map[string][]string{"C": {"a", "b", "c", "d", "e"}}
	waits := map[string]int{}
	for _, me := range r.byClass["C"] {
		r.me = me
		waits[r.wait(id, "C").String()]++
	}
	if waits["0s"] != 1 || waits["10ms"] != 1 || waits["20ms"] != 1 || waits["1s"] != 2 {
		t.Errorf("waits %v", waits)
	}
}
