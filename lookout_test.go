package lgtask

import (
	"slices"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// watch is a lookout with what it is shown.
type watch struct {
	*testing.T
	l   *lookout
	now time.Time
}

func newWatch(t *testing.T) *watch {
	return &watch{t, newLookout(30 * time.Second), time.Unix(1e9, 0)}
}

func beating(epoch string, beats int) tasks.Process {
	return tasks.Process{Epoch: epoch, Beats: int64(beats)}
}

// look shows it processes and holders after a time, and checks whom it calls dead.
func (w *watch) look(after time.Duration, holders []string, ps []tasks.Process, want ...string) {
	w.Helper()
	w.now = w.now.Add(after)
	dead, strays := w.l.look(w.now, "me", holders, ps)
	got := slices.Clone(strays)
	for _, p := range dead {
		got = append(got, p.Epoch)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.Errorf("dead: %v, want %v", got, want)
	}
}

const every5 = 5 * time.Second

// Who beats is alive, who does not for a lease is dead, and not a moment earlier.
func TestLookout(t *testing.T) {
	w := newWatch(t)
	for i := range 20 {
		var want []string
		if i >= 6+3 {
			want = []string{"dying"}
		}
		w.look(every5, []string{"me", "alive", "dying"}, []tasks.Process{beating("me", 0), beating("alive", i), beating("dying", min(i, 3))}, want...)
	}
	w.look(every5, nil, []tasks.Process{beating("dying", 4)}) // it was only frozen
	w.look(every5, nil, []tasks.Process{{Epoch: "tomb", Dead: true}}, "tomb")
}

// A sign of life that was taken back by a new primary, and given again, has the same
// number and is another.
func TestLookoutAfterAFailover(t *testing.T) {
	w := newWatch(t)
	p := beating("alive", 1)
	for i := range 12 {
		if i == 5 {
			p.Beat = p.Beat.Add(20 * time.Second)
		}
		var want []string
		if i == 5+6 {
			want = []string{"alive"}
		}
		w.look(every5, nil, []tasks.Process{p}, want...)
	}
}

// A process that could not look, since it was frozen or the database away, watches
// everybody for a whole lease again: they may have been in the same trouble.
func TestLookoutAfterAGap(t *testing.T) {
	w := newWatch(t)
	still, stray := []tasks.Process{beating("still", 1)}, []string{"nobody"}
	for range 6 {
		w.look(every5, stray, still)
	}
	w.look(10*time.Minute, stray, still)
	for range 5 {
		w.look(every5, stray, still)
	}
	w.look(every5, stray, still, "nobody", "still")
}

// Tasks whose holder is no process go back after a lease, but not if it announces
// itself again.
func TestLookoutStrays(t *testing.T) {
	w := newWatch(t)
	for range 6 {
		w.look(every5, []string{"a", "b", "me"}, nil)
	}
	w.look(every5, []string{"a", "b", "me"}, []tasks.Process{beating("b", 7)}, "a")
	w.look(every5, []string{"b"}, nil)
	for range 5 {
		w.look(every5, []string{"b"}, nil)
	}
	w.look(every5, []string{"b"}, nil, "b")
}
