package dispatcher

import (
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Rules of claiming ahead.
const (
	maxAhead = 2000                  // tasks claimed and not started
	stale    = 40 * time.Millisecond // work that is not started in that time goes back
	again    = stale / 4             // between the two looks at what seems to be late
	shortest = time.Microsecond      // no run is taken to be shorter
)

// length is what the runs of a class lately took.
type length struct {
	// It follows longer runs faster than shorter ones: work that was claimed
	// ahead by mistake keeps others waiting.
	careful time.Duration
	// A median: half the runs are shorter. One that the machine held up counts
	// no more than any other.
	typical time.Duration
}

// learnLocked notes how long a run took.
func (d *Dispatcher) learnLocked(class string, took time.Duration) {
	old, known := d.lengths[class]
	took = max(took, shortest)
	l := length{old.careful - (old.careful-took)/8, max(old.typical-old.typical/4, shortest)}
	if took > old.careful {
		l.careful = old.careful + (took-old.careful)/2
	}
	if took > old.typical {
		l.typical = old.typical + old.typical/4
	}
	if !known {
		l = length{took, took}
	}
	d.lengths[class] = l
}

// horizonLocked is how much work is claimed ahead: what is done while two claims are
// under way, each with the look for candidates before it.
func (l *loop) horizonLocked() time.Duration { return min(2*l.took, l.o.Ahead) }

// room returns how many candidates may be claimed. What is ahead is filled up
// when half of it is used, not one by one.
func (l *loop) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closedLocked() || len(l.endings) > maxTogether {
		return 0 // recorded ends make room
	}
	free := l.freeLocked()
	if l.held = l.held && free == 0; l.held {
		return 0
	}
	if free == 0 && len(l.ready.list) > l.low {
		return l.aboveLocked() // goes in front of what is ready
	}
	most := 0
	for _, length := range l.lengths {
		most = max(most, int(l.horizonLocked()*time.Duration(l.names)/length.careful))
	}
	return max(free+min(most, maxAhead)-len(l.ready.list), 0)
}

// freeLocked returns how many processors are free that no task is ready for.
func (l *loop) freeLocked() int { return max(len(l.free)-len(l.ready.list), 0) }

// fit leaves out candidates that would make too much work ahead. The first that
// is not short waits for a free processor, and so do all behind it. A sweep finds
// them again.
func (l *loop) fit(cs []tasks.Candidate) []tasks.Candidate {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := l.freeLocked()
	if len(cs) <= free {
		return cs
	}
	quick := l.quickLocked(time.Now())
	ahead := l.ready.careful
	n := 0
	for ; n < len(cs); n++ {
		short := l.shortLocked(&cs[n])
		if n < free {
			if !short {
				quick-- // the processor that it gets does nothing of what is ahead
			}
			continue
		}
		ahead += l.lengths[cs[n].TaskClass].careful
		if l.held = !short || quick <= 0; l.held || ahead > l.horizonLocked()*time.Duration(quick) {
			l.backlog = true
			break
		}
	}
	for _, c := range cs[n:] {
		delete(l.claiming, c.ID)
	}
	l.low = (len(l.ready.list) + n - free) / 2
	return cs[:n]
}

// shortLocked reports whether a task may be claimed ahead, as far as one can
// tell: not if its class's runs are long or nobody knows, if it has a name, if a
// process died of it, or if it is not due yet.
func (l *loop) shortLocked(c *tasks.Candidate) bool {
	length, known := l.lengths[c.TaskClass]
	return known && length.careful < l.horizonLocked() && !c.Keyed() && c.Crashes == 0 && c.Due(l.now)
}

// quickLocked returns how many processors do not run anything long.
func (l *loop) quickLocked(now time.Time) int {
	n := l.names
	for r := range l.running {
		over := r.over && r.held.Key == ""
		if !r.started.IsZero() && !over && !r.replaced && (!l.shortLocked(&r.held.Candidate) || r.held.Key != "" || now.Sub(r.started) > l.horizonLocked()) {
			n--
		}
	}
	return n
}

// hold leaves the rest to a sweep when a processor is free.
func (l *loop) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog, l.held = true, true
}

// giveBackLate gives back what was claimed ahead and is late, since all
// processors are busy with longer work; the next is claimed when one is free. It
// returns when to look again, if there is anything. It looks twice: on a busy
// machine the whole process may have stood still since the last look.
func (l *loop) giveBackLate(now time.Time) (wait time.Duration, any bool) {
	l.mu.Lock()
	var back []*running
	if any = len(l.ready.list) > 0; any {
		age, idle := now.Sub(l.ready.list[0].claimed), now.Sub(l.pulled)
		after := stale - again
		if l.quickLocked(now) == 0 {
			after = again // nobody will take it soon
		}
		late := age >= after && (idle >= again || age >= after+stale)
		switch {
		case !late:
			l.late = time.Time{}
			wait = min(max(after-age, min(again-idle, after+stale-age)), again)
		case l.late.IsZero():
			l.late, wait = now, again
		case now.Sub(l.late) < again:
			wait = again - now.Sub(l.late)
		default:
			back, any = l.ready.all(), false
			l.backlog, l.held = true, true
		}
	}
	if !any {
		l.late = time.Time{}
	}
	l.mu.Unlock()
	l.giveBack(back)
	return wait, any
}

// giveBack gives back tasks that were claimed and not started.
func (l *loop) giveBack(back []*running) {
	for _, r := range back {
		r.back = true
		l.finish(r, unstarted)
	}
}
