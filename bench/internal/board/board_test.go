package board

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// two returns a board and a second mapping of its file.
func two(t *testing.T, n int) (a, b *Board) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "board")
	a, err := Create(path, n)
	if err != nil {
		t.Fatal(err)
	}
	b, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, x := range []*Board{a, b} {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return a, b
}

func TestBothSidesSeeTheSame(t *testing.T) {
	a, b := two(t, 3)
	if !a.First().IsZero() {
		t.Errorf("the first start of none is %v", a.First())
	}
	asked := time.Now()
	a.Ask(1, asked)
	b.See(1)
	b.Ack(1)
	b.Start(1)
	b.Start(1)
	b.Start(2)
	if a.Len() != 3 || b.Len() != 3 || a.Total() != 3 || a.Starts(0) != 0 || a.Starts(1) != 2 || a.Starts(2) != 1 {
		t.Errorf("total %d, starts %d %d %d", a.Total(), a.Starts(0), a.Starts(1), a.Starts(2))
	}
	if f := a.First(); f.Before(asked) || f.After(time.Now()) {
		t.Errorf("the first start was at %v, after %v", f, asked)
	}
	most := time.Since(asked)
	if s, k, l := a.Sight(1), a.Acked(1), a.Latency(1); s < 0 || k < s || l < k || l > most+time.Millisecond {
		t.Errorf("seen after %v, acknowledged after %v, started after %v, of %v", s, k, l, most)
	}
}

func TestStartsAreCountedAtOnce(t *testing.T) {
	a, b := two(t, 1)
	var wg sync.WaitGroup
	for _, x := range []*Board{a, b, a, b} {
		wg.Go(func() {
			for range 1000 {
				x.Start(0)
			}
		})
	}
	wg.Wait()
	if a.Starts(0) != 4000 || b.Total() != 4000 {
		t.Errorf("%d starts, total %d", a.Starts(0), b.Total())
	}
}

func TestNumberWithoutSlot(t *testing.T) {
	a, b := two(t, 0)
	b.Start(0)
	b.Start(-1)
	if a.Total() != 2 {
		t.Errorf("total %d", a.Total())
	}
}

func TestNoBoard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("no board"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a text file was mapped")
	}
	if _, err := Create(path, 1); err == nil {
		t.Error("a file was replaced")
	}
}
