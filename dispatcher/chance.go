package dispatcher

import (
	"slices"

	"github.com/lgtask/lgtask/tasks"
)

// lastChance reports whether a task ends as an error if another process dies while it
// has it.
func lastChance(c *tasks.Candidate) bool { return c.Crashes >= tasks.MaxCrashes-1 }

// apart leaves out candidates whose last chance it is, but for one, if none runs.
// When a process dies of one task, a crash is counted for each that it had. They are
// all waiting when the next begins, and would be taken together again, until the third
// death ends them all. So the last time they run one by one: then it is known which it
// was. What is left out waits for the end of the one that runs, or another process.
func (l *loop) apart(cs []tasks.Candidate) []tasks.Candidate {
	if !slices.ContainsFunc(cs, func(c tasks.Candidate) bool { return lastChance(&c) }) {
		return cs
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.chances > 0
	return slices.DeleteFunc(slices.Clone(cs), func(c tasks.Candidate) bool {
		if !lastChance(&c) || !taken {
			taken = taken || lastChance(&c)
			return false
		}
		delete(l.claiming, c.ID)
		l.chanceWaits = true
		return true
	})
}

// hasChance reports whether a task runs whose last chance it is, for a sweep that then
// leaves out others: they would stand before those that can be taken.
func (l *loop) hasChance() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := l.chances > 0
	l.chanceWaits = l.chanceWaits || has
	return has
}

// nextChanceLocked looks for what was left out, once none of its kind runs.
func (d *Dispatcher) nextChanceLocked() {
	if d.chances == 0 && d.chanceWaits {
		d.chanceWaits, d.backlog = false, true
	}
}
