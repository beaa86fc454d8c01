package dispatcher

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"

	"github.com/lgtask/lgtask/tasks"
)

// loop is the state of Run's goroutine. Nothing else touches asked, now, reading, held,
// late and low; the other fields are set once.
type loop struct {
	*Dispatcher
	come    context.Context // of the intake: Run's own
	work    context.Context // of claims and handlers: ends with the grace
	last    context.Context // of completions: ends when Run returns
	asked   time.Time       // when it last began to look for work
	now     time.Time       // the database's clock then
	reading *reading        // a sweep that goes on, nil if none does
	held    bool            // the next candidate waits for a free processor: nothing is claimed ahead of it
	late    time.Time       // since when work ahead seems not to be started, zero if it is
	low     int             // work ahead is filled up when no more than so much is left
	pool    *pool.Pool      // of runs; unlimited: a name is taken before a task is started

	recording conc.WaitGroup // of recordEndings
	spreading *time.Timer    // of spread
	reserved  sync.WaitGroup // of Reserve
}

// Run claims and runs tasks until ctx ends, then stops as the package doc says.
// It returns nil, or *StuckError. It must not be called again before it has
// returned, nor after it has returned an error.
func (d *Dispatcher) Run(ctx context.Context) error {
	work, endWork := later(ctx, d.o.Grace, ErrStopping)
	defer endWork(ErrStopping)
	last, endLast := later(ctx, d.o.Grace+d.o.Quit, ErrStopping)
	defer endLast(ErrStopping)
	l := &loop{Dispatcher: d, come: ctx, work: work, last: last, pool: pool.New()}
	l.spreading = time.AfterFunc(time.Hour, l.spread)
	defer l.spreading.Stop()
	d.mu.Lock()
	d.loop = l
	d.mu.Unlock()
	late := time.NewTimer(time.Hour)
	defer late.Stop()
	for ctx.Err() == nil {
		l.collect()
		l.step(ctx)
		if wait, any := l.giveBackLate(time.Now()); any {
			late.Reset(wait)
		}
		select {
		case <-ctx.Done():
		case <-l.signal:
		case <-late.C:
		}
	}
	return l.stop()
}

// step claims work for free processors, and ahead, until there is none or enough.
func (l *loop) step(ctx context.Context) {
	for ctx.Err() == nil {
		room := l.room()
		if room == 0 {
			break
		}
		l.asked, l.now = time.Now(), l.o.Now()
		cs, sweep := l.take(room)
		if sweep {
			cs = l.sweep(ctx, room)
		} else if len(cs) == 0 {
			return
		}
		cs = l.apart(cs)
		fit := l.fit(cs)
		above := l.peek(ctx)
		if len(fit) > 0 {
			l.claim(ctx, fit)
		}
		l.mu.Lock()
		l.nextChanceLocked() // if the one that was to be claimed was lost
		l.mu.Unlock()
		l.overtake(ctx, above)
		if len(fit) < len(cs) || l.held {
			l.stopReading(ctx) // what was left out is in front of where it is
		}
		l.collect()
	}
	l.spill()
}

// take returns the next n offers, or says that a sweep is due.
func (l *loop) take(n int) (cs []tasks.Candidate, sweep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading != nil && l.aboveLocked() == 0 {
		l.sweeping = true
		return nil, true
	}
	if l.backlog && l.reading == nil {
		// The sweep finds the offers, in their order. What comes in while it
		// reads sets the flag again, or is an offer.
		l.offers, l.backlog, l.sweeping = nil, false, true
		l.stats.Sweeps++
		return nil, true
	}
	cs = latest(l.offers)
	slices.SortStableFunc(cs, func(a, b tasks.Candidate) int { return cmp.Compare(b.Priority, a.Priority) })
	n = min(n, len(cs))
	cs, l.offers = cs[:n:n], cs[n:]
	l.claimLocked(cs)
	return cs, false
}

// claimLocked counts candidates as being claimed, and takes offers of them back.
func (l *loop) claimLocked(cs []tasks.Candidate) {
	for _, c := range cs {
		l.claiming[c.ID] = nil
	}
	if len(l.offers) > 0 {
		l.offers = slices.DeleteFunc(l.offers, func(c tasks.Candidate) bool { _, claimed := l.claiming[c.ID]; return claimed })
	}
	if len(cs) <= keptMost {
		l.lately.add(cs)
	}
}

// latest returns the candidates without earlier ones of the same task: an insert
// and a change may both have been offered, and a find may return a document
// twice if it is moved in the index meanwhile.
func latest(cs []tasks.Candidate) []tasks.Candidate {
	if len(cs) < 2 {
		return cs
	}
	at := make(map[tasks.ID]int, len(cs))
	distinct := make([]tasks.Candidate, 0, len(cs))
	for _, c := range cs {
		if i, seen := at[c.ID]; seen {
			distinct[i] = c
			continue
		}
		at[c.ID] = len(distinct)
		distinct = append(distinct, c)
	}
	return distinct
}

// collect takes the processors that are new or whose runs have ended, and gives
// them what was claimed ahead. When they are to retire, it lets the free ones go.
func (l *loop) collect() {
	l.mu.Lock()
	var gone []string
	var back []*running
	if l.retiring {
		gone, l.free = l.free, nil
		l.names -= len(gone)
	}
	if l.closedLocked() {
		back = l.ready.all()
	}
	l.startReadyLocked(false)
	l.mu.Unlock()
	l.giveBack(back)
	if l.o.Retired != nil {
		for _, name := range gone {
			l.o.Retired(name)
		}
	}
}

// takeNames takes at most as many free processors as given, or none if there are
// fewer than least.
func (l *loop) takeNames(least, most int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.freeLocked(), most)
	if n < least {
		return nil
	}
	rest := len(l.free) - n
	names := slices.Clone(l.free[rest:])
	l.free = l.free[:rest]
	return names
}

func (d *Dispatcher) freeName(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = append(d.free, name)
}

// spill leaves the offers that no processor is free for to a sweep.
func (l *loop) spill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.offers) > 0 {
		l.offers, l.backlog = nil, true
	}
}
