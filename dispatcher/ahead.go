package dispatcher

import (
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Rules of claiming ahead.
const (
	maxAhead = 2000                  // tasks claimed and not started
	stale    = 40 * time.Millisecond // work that is not started in that time goes back
	shortest = time.Microsecond      // no run is taken to be shorter
)

// learnLocked notes how long a run took. The estimate follows longer runs faster
// than shorter ones: work that was claimed ahead by mistake keeps others waiting.
func (d *Dispatcher) learnLocked(class string, took time.Duration) {
	old, known := d.lengths[class]
	switch {
	case !known:
		d.lengths[class] = max(took, shortest)
	case took > old:
		d.lengths[class] = old + (took-old)/2
	default:
		d.lengths[class] = max(old-(old-took)/8, shortest)
	}
}

// horizon is how much work is claimed ahead: what is done while two claims are
// under way.
func (l *loop) horizon() time.Duration { return min(2*l.took, l.o.Ahead) }

// room returns how many candidates may be claimed. What is ahead is filled up
// when half of it is used, not one by one.
func (l *loop) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retiring {
		return 0
	}
	if l.held = l.held && len(l.free) == 0; l.held {
		return 0
	}
	most := 0
	for _, length := range l.lengths {
		most = max(most, int(l.horizon()*time.Duration(l.names)/length))
	}
	most = min(most, maxAhead)
	if len(l.free) == 0 && len(l.ready) > most/2 {
		return 0
	}
	return max(len(l.free)+most-len(l.ready), 0)
}

// fit leaves out candidates that would make too much work ahead: those of classes
// whose runs are long, or that nobody knows, those with a name, and those under
// which a process died. A sweep finds them again.
func (l *loop) fit(cs []tasks.Candidate) []tasks.Candidate {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := len(l.free)
	if len(cs) <= free {
		return cs
	}
	budget := l.horizon() * time.Duration(l.names)
	for _, r := range l.ready {
		budget -= l.lengths[r.held.TaskClass]
	}
	for i, c := range cs[free:] {
		length, known := l.lengths[c.TaskClass]
		if budget -= length; known && budget >= 0 && length < l.horizon() && !c.Keyed() && c.Crashes == 0 {
			continue
		}
		cs = cs[:free+i]
		l.backlog, l.held = true, true
		break
	}
	clear(l.claiming)
	l.claimLocked(cs)
	return cs
}

// hold leaves the rest to a sweep when a processor is free.
func (l *loop) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog, l.held = true, true
}

// pullLocked takes the next task that was claimed ahead, for the processor.
func (l *loop) pullLocked(name string) *running {
	r := l.ready[0]
	if l.ready = l.ready[1:]; len(l.ready) == 0 {
		l.ready = nil
	}
	r.held.Processor = name
	l.pulled = time.Now()
	if l.backlog {
		l.poke() // there may be room again
	}
	return r
}

// giveBackLate gives back what was claimed ahead and is late, since all
// processors are busy with longer work. It returns when to look again, if there
// is anything.
func (l *loop) giveBackLate(now time.Time) (wait time.Duration, any bool) {
	l.mu.Lock()
	var back []*running
	if len(l.ready) > 0 && now.Sub(l.ready[0].claimed) >= stale && now.Sub(l.pulled) >= stale/4 {
		back, l.ready = l.ready, nil
		l.backlog = true
	}
	any = len(l.ready) > 0
	l.mu.Unlock()
	l.giveBack(back)
	return stale / 2, any
}

// giveBack gives back tasks that were claimed and not started.
func (l *loop) giveBack(back []*running) {
	for _, r := range back {
		r.back = true
		l.finish(r, unstarted)
	}
}
