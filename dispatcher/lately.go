package dispatcher

import (
	"time"

	"github.com/lgtask/lgtask/tasks"
)

const (
	keptFor  = time.Second // claims are known so long,
	keptMost = 100         // if they were so few: in a drain nobody asks
)

// lately knows which tasks were asked for in the last second or two.
type lately struct {
	now, before map[tasks.ID]struct{}
	turned      time.Time
}

func (l *lately) add(cs []tasks.Candidate) {
	if now := time.Now(); now.Sub(l.turned) >= keptFor {
		l.before, l.now, l.turned = l.now, map[tasks.ID]struct{}{}, now
	}
	for _, c := range cs {
		l.now[c.ID] = struct{}{}
	}
}

// Asked reports whether a task was lately asked for, by a claim of few. Its insert
// may be heard of later than a sweep has found it: then it is no news.
func (d *Dispatcher) Asked(id tasks.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, now := d.lately.now[id]
	_, before := d.lately.before[id]
	return now || before
}
