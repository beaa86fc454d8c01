package lgtask

import (
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// lookout tells dead processes from living ones by their signs of life. It trusts
// no clock but its own monotonic one: a process is dead if it has given no sign
// while this one looked, again and again, for a whole lease. It belongs to one
// goroutine.
type lookout struct {
	lease time.Duration
	gap   time.Duration // a longer one between two looks, and all begins anew

	last   time.Time
	signs  map[string]sign      // by epoch
	strays map[string]time.Time // holders of tasks that are no process, and since when
}

// sign is the last sign of life of a process, and when it was first seen.
type sign struct {
	beat
	since time.Time
}

// beat tells signs of life of a process apart. Its number alone does not: when a new
// primary took back a sign that no majority had, the next one has the same number.
type beat struct{ n, at int64 }

func beatOf(p tasks.Process) beat { return beat{p.Beats, p.Beat.UnixMilli()} }

// newLookout makes one that begins anew after half a lease without a look: what
// happened meanwhile nobody knows, and those who were watched may have been cut off
// as this process was.
func newLookout(lease time.Duration) *lookout {
	return &lookout{lease: lease, gap: lease / 2, signs: map[string]sign{}, strays: map[string]time.Time{}}
}

// look is told at now what processes there are, read before, and who holds tasks,
// read before that. It returns the dead processes, and the holders that are no
// process and have been none for a lease.
func (l *lookout) look(now time.Time, me string, holders []string, ps []tasks.Process) (dead []tasks.Process, strays []string) {
	if now.Sub(l.last) > l.gap {
		clear(l.signs)
		clear(l.strays)
	}
	l.last = now
	signs := map[string]sign{}
	for _, p := range ps {
		s, known := l.signs[p.Epoch]
		if !known || s.beat != beatOf(p) {
			s = sign{beatOf(p), now}
		}
		signs[p.Epoch] = s
		if p.Epoch != me && (p.Dead || now.Sub(s.since) >= l.lease) {
			dead = append(dead, p)
		}
	}
	unknown := map[string]time.Time{}
	for _, holder := range holders {
		if _, there := signs[holder]; there || holder == me {
			continue
		}
		since, known := l.strays[holder]
		if !known {
			since = now
		}
		unknown[holder] = since
		if now.Sub(since) >= l.lease {
			strays = append(strays, holder)
		}
	}
	l.signs, l.strays = signs, unknown
	return dead, strays
}
