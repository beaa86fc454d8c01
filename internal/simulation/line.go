package simulation

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lgtask/lgtask/internal/model"
)

// rates say how often statements go wrong: one in so many, 0 for never.
type rates struct {
	on                        atomic.Bool // else nothing does
	refused, late, lost, slow int
	count                     counter
}

func (r *rates) hit(d *dice, one int, what string) bool {
	hit := r.on.Load() && d.oneIn(one)
	if hit {
		r.count.met(what)
	}
	return hit
}

// fate is what happens to a statement.
type fate struct {
	there, lag, back time.Duration // on the way there, until a majority has it, on the way back
	refused          bool          // it does not arrive, or
	late             time.Duration // only so long after its client has given it up
	lost             bool          // its reply does not arrive
	hangs            bool          // while there is no primary; else it is refused at once
}

// line is a client's line to the database.
type line struct {
	seed  uint64
	who   string
	rates *rates
	s     *server
	note  func(string, ...any)

	mu     sync.Mutex
	dice   map[string]*dice
	missed int           // beats in a row that did not arrive
	cut    chan struct{} // closed when it is whole again; nil if it is
	drops  bool          // while it is cut, replies do not come; else they are errors
	held   []copied      // what arrives when it is whole again
}

func newLine(seed uint64, who string, r *rates, s *server) *line {
	return &line{seed: seed, who: who, rates: r, s: s, dice: map[string]*dice{}}
}

// roll returns the dice of one purpose.
func (l *line) roll(what string) *dice {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.dice[what]
	if d == nil {
		d = newDice(l.seed, l.who+" "+what)
		l.dice[what] = d
	}
	return d
}

// mostMissed is how many beats in a row do not arrive by bad luck: a process that gives
// no sign of life for a lease must have had more of it.
const mostMissed = 2

func (l *line) fate(st model.Statement) fate {
	d := l.roll(st.Op)
	f := fate{there: d.between(50*time.Microsecond, 2*time.Millisecond), hangs: d.oneIn(2)}
	if st.Writes {
		f.lag = d.between(100*time.Microsecond, 3*time.Millisecond)
	}
	switch {
	case l.rates.hit(d, l.rates.refused, refusals):
		f.refused = true
	case l.rates.hit(d, l.rates.lost, losses):
		f.lost = true
	case l.rates.hit(d, l.rates.slow, delays):
		if f.there += d.between(0, 6*time.Second); d.oneIn(2) {
			f.there, f.back = 0, f.there
		}
	}
	if st.Writes && l.rates.on.Load() && d.oneIn(l.rates.late) {
		f.late = d.between(time.Second, 40*time.Second)
	}
	if st.Op == "Beat" {
		f = l.spare(f)
	}
	return f
}

func (l *line) spare(f fate) fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	bad := f.refused || f.there > time.Second
	if bad && l.missed >= mostMissed {
		l.missed = 0
		return fate{there: time.Millisecond, lag: time.Millisecond, hangs: f.hangs}
	}
	if l.missed++; !bad {
		l.missed = 0
	}
	return f
}

// pass returns nil when something can get through.
func (l *line) pass(ctx context.Context) error {
	l.mu.Lock()
	cut, drops := l.cut, l.drops
	l.mu.Unlock()
	switch {
	case cut == nil:
		return nil
	case drops:
		return hang(ctx, cut)
	}
	if err := wait(ctx, 5*time.Millisecond); err != nil {
		return err
	}
	return errBroken
}

// sever cuts the line.
func (l *line) sever(drops bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut == nil {
		l.cut, l.drops = make(chan struct{}), drops
	}
}

// copied is a statement that its client gave up while it was on the way, and so long
// after the line is whole again it arrives.
type copied struct {
	model.Statement
	after time.Duration
}

func (l *line) holdUp(st model.Statement, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut != nil && l.drops {
		l.held = append(l.held, copied{st, after})
	}
}

// mend makes the line whole.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut == nil {
		return
	}
	close(l.cut)
	for _, c := range l.held {
		time.AfterFunc(c.after, func() { l.s.deliver(c.Statement) })
	}
	l.cut, l.held = nil, nil
}

func (l *line) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut != nil
}
