package dispatcher

import (
	"context"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Rules of sweeps that go on.
const (
	wholeFrom = 300                    // candidates wanted at once: then more will be, and the reading goes on
	pageMost  = 600                    // candidates wanted of a page
	scanMost  = 8000                   // candidates in a page: others' are among them
	staleFrom = 500 * time.Millisecond // a reading that is older is not gone on with
	stalePeer = 100 * time.Millisecond // more for each other process: it finds as much less in a page
	peekEvery = 30 * time.Millisecond  // between two looks whether a higher priority waits
	peekMost  = 20                     // tasks of which are found
	closeWait = time.Second            // for the server to close a cursor
)

// reading is a sweep that goes on behind what it found: the next page is read
// while the one before is claimed.
type reading struct {
	pages    tasks.Pages
	began    time.Time
	peeked   time.Time
	priority int               // of the last candidate that was taken
	left     []tasks.Candidate // read and not taken
	next     chan page         // has room for one; nil if nothing more is read
}

type page struct {
	cs   []tasks.Candidate
	more bool
	err  error
}

func (l *loop) peers() int {
	if l.o.Peers == nil {
		return 1
	}
	return max(l.o.Peers(), 1)
}

// sweep reads up to n candidates. It returns none if ctx ended meanwhile.
func (l *loop) sweep(ctx context.Context, n int) []tasks.Candidate {
	var found []tasks.Candidate
	var more bool
	var err error
	if l.reading != nil {
		found, more = l.readOn(ctx, n)
	} else {
		found, more, err = l.begin(ctx, n)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweeping = false
	l.goesOn = l.reading != nil
	if err != nil || more && !l.goesOn {
		l.backlog = true
	}
	if err == nil {
		l.weighLocked(more)
	}
	if len(found) == 0 {
		l.notifyLocked()
		return nil
	}
	found = latest(found)
	l.claimLocked(found)
	return found
}

// begin begins a sweep. More says that more may wait than was found.
func (l *loop) begin(ctx context.Context, n int) (found []tasks.Candidate, more bool, err error) {
	peers, about := l.peers(), l.pageFor(n)
	// Of several processes each leaves others' tasks out, and may find its own only
	// behind them.
	q := tasks.Query{Classes: l.o.Handler.Classes(), Blocked: l.Blocked(), NoLastChance: l.hasChance(), Limit: about, Whole: peers > 1 || n >= wholeFrom}
	var pages tasks.Pages
	_, err = l.persist(ctx, ctx, "look for waiting tasks", func(ctx context.Context) (err error) {
		if pages, err = l.o.Claims.Pages(ctx, q); err == nil {
			found, more, err = pages.Next(ctx, q.Limit)
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if !q.Whole || !more {
		return found, more, nil
	}
	now := time.Now()
	l.reading = &reading{pages: pages, began: now, peeked: now}
	l.readAhead(ctx, about)
	found, more = l.portion(found, n)
	return found, more, nil
}

// pageFor returns how many tasks to read to find n.
func (l *loop) pageFor(n int) int { return min(min(n, pageMost)*l.peers(), scanMost) }

// readAhead begins to read the next page.
func (l *loop) readAhead(ctx context.Context, about int) {
	r := l.reading
	r.next = make(chan page, 1)
	go func() {
		var p page
		if r := try(ctx, func(ctx context.Context) (err error) { p.cs, p.more, err = r.pages.Next(ctx, about); return err }); r != nil {
			p.err = r
		}
		r.next <- p
	}()
}

// readOn goes on with a sweep.
func (l *loop) readOn(ctx context.Context, n int) (found []tasks.Candidate, more bool) {
	r := l.reading
	if len(r.left) == 0 && r.next != nil {
		p := <-r.next
		r.next = nil
		if p.err != nil {
			l.o.Log.Debug().Err(p.err).Msg("a sweep was cut short")
			l.reading = nil
			return nil, true
		}
		if r.left = p.cs; p.more {
			l.readAhead(ctx, l.pageFor(n))
		}
	}
	if time.Since(r.began) >= staleFrom+time.Duration(min(l.peers()-1, 15))*stalePeer {
		l.stopReading(ctx)
		return nil, true
	}
	return l.portion(r.left, n)
}

// portion takes up to n of the candidates and keeps the rest.
func (l *loop) portion(cs []tasks.Candidate, n int) (found []tasks.Candidate, more bool) {
	r := l.reading
	n = min(n, len(cs))
	found, r.left = cs[:n:n], cs[n:]
	if n > 0 {
		r.priority = found[n-1].Priority
	}
	if len(r.left) == 0 && r.next == nil {
		l.reading = nil // this was the end
		return found, false
	}
	return found, true
}

// peek looks from time to time whether tasks of a higher priority than those that
// are read have come in, while something else is done. It returns nil if it is not
// time to.
func (l *loop) peek(ctx context.Context) <-chan page {
	r := l.reading
	if r == nil || time.Since(r.peeked) < peekEvery*time.Duration((l.peers()+3)/4) {
		return nil
	}
	r.peeked = time.Now()
	above := r.priority // the reading goes on meanwhile
	q := tasks.Query{Classes: l.o.Handler.Classes(), Blocked: l.Blocked(), NoLastChance: l.hasChance(), Limit: peekMost, Above: &above}
	found := make(chan page, 1)
	go func() {
		var p page
		p.err = try(ctx, func(ctx context.Context) error {
			pages, err := l.o.Claims.Pages(ctx, q)
			if err == nil {
				p.cs, _, err = pages.Next(ctx, q.Limit)
			}
			return err
		})
		found <- p
	}()
	return found
}

// overtake offers what a peek has found, before the rest of the sweep; if there is
// much of it, the sweep begins anew.
func (l *loop) overtake(ctx context.Context, found <-chan page) {
	if found == nil {
		return
	}
	p := <-found
	if p.err != nil {
		l.o.Log.Debug().Err(p.err).Msg("cannot look for tasks of a higher priority")
		return // it is looked again
	}
	if l.reading == nil {
		return
	}
	n := 0
	for n < len(p.cs) && p.cs[n].Priority > l.reading.priority {
		n++
	}
	l.mu.Lock()
	l.offers = append(l.offers, p.cs[:n]...)
	if n == peekMost {
		l.backlog = true
	}
	l.mu.Unlock()
	if n == peekMost {
		l.stopReading(ctx)
	}
}

// stopReading ends a sweep before its end.
func (l *loop) stopReading(ctx context.Context) {
	r := l.reading
	if l.reading = nil; r == nil {
		return
	}
	l.mu.Lock()
	l.goesOn = false
	l.mu.Unlock()
	if r.next == nil {
		return // all is read
	}
	if p := <-r.next; !p.more && p.err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	if err := r.pages.Close(ctx); err != nil {
		l.o.Log.Debug().Err(err).Msg("cannot close a cursor; the server does in ten minutes")
	}
}

// aboveLocked returns how many offers have a higher priority than what a sweep
// that goes on finds.
func (l *loop) aboveLocked() (n int) {
	if l.reading == nil {
		return 0
	}
	for _, c := range l.offers {
		if c.Priority > l.reading.priority {
			n++
		}
	}
	return n
}
