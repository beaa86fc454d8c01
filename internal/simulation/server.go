package simulation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lgtask/lgtask/internal/model"
)

// errBroken is the error of a statement whose fate its client does not know.
var errBroken = errors.New("the connection broke")

// patience is how long a client waits for a reply, if its context does not end before.
const patience = 20 * time.Second

// server is the replica set, as its clients see it.
type server struct {
	db    *model.Database
	rates *rates

	mu       sync.Mutex
	term     int            // of the primary
	away     chan struct{}  // closed when there is a primary again; nil if there is one
	stalled  chan struct{}  // closed when writes reach a majority again; nil if they do
	last     model.Position // of the newest write
	lateRuns []span         // writes of copies that nobody waited for
}

type span struct{ after, upTo model.Position }

// run carries a statement out, if there is a primary, and returns its term.
func (s *server) run(st model.Statement, late bool) (at model.Position, term int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return 0, 0, false
	}
	at = st.Run()
	if late && at > s.last {
		s.lateRuns = append(s.lateRuns, span{s.last, at})
	}
	s.last = at
	return at, s.term, true
}

// wasLate reports whether nobody waited for a write.
func (s *server) wasLate(at model.Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lateRuns {
		if l.after < at && at <= l.upTo {
			return true
		}
	}
	return false
}

// commit says that a majority has what was written in a term, unless writes are
// stalled or the term is over. It returns how long to wait, if it is to be called again.
func (s *server) commit(at model.Position, term int) (done bool, again <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.term != term:
		return false, nil
	case s.stalled != nil:
		return false, s.stalled
	}
	s.db.Commit(at)
	return true, nil
}

func (s *server) primary() (away <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

func (s *server) inTrouble() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away != nil || s.stalled != nil
}

// stall keeps writes from the majority until the returned function is called.
func (s *server) stall() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := make(chan struct{})
	s.stalled = over
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stalled = nil
		if s.away == nil {
			s.db.Commit(s.last)
		}
		close(over)
	}
}

// lose takes the primary away. elect makes another one, which has so much of what no
// majority had: a share of it, the oldest.
func (s *server) lose(share func(n int) int) (elect func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.term++
	s.db.FailOver(share(s.db.Uncommitted()))
	over := make(chan struct{})
	s.away = over
	return func() {
		s.mu.Lock()
		s.away = nil
		s.mu.Unlock()
		close(over)
	}
}

// carry brings a statement of a client there and its reply back.
func (s *server) carry(ctx context.Context, l *line, st model.Statement) error {
	f := l.fate(st)
	if l.note != nil {
		l.note("%s: %s %v", l.who, st.Op, f)
	}
	if err := l.pass(ctx); err != nil {
		if f.late > 0 {
			l.holdUp(st, f.late/20)
		}
		return err
	}
	if err := wait(ctx, f.there); err != nil {
		return err
	}
	if f.refused {
		if f.late > 0 {
			time.AfterFunc(f.late, func() { s.deliver(st) })
		}
		return errBroken
	}
	at, term, err := s.arrive(ctx, st, f.hangs)
	if err != nil {
		return err
	}
	if st.Writes {
		if err := s.majority(ctx, at, term, f.lag); err != nil {
			return err
		}
	}
	if f.lost {
		return errBroken
	}
	if err := wait(ctx, f.back); err != nil {
		return err
	}
	return l.pass(ctx)
}

// arrive carries a statement out as soon as there is a primary.
func (s *server) arrive(ctx context.Context, st model.Statement, hangs bool) (model.Position, int, error) {
	for {
		if at, term, ok := s.run(st, false); ok {
			return at, term, nil
		}
		away := s.primary()
		if away == nil {
			continue
		}
		if !hangs {
			return 0, 0, errBroken
		}
		if err := hang(ctx, away); err != nil {
			return 0, 0, err
		}
	}
}

// majority waits until a write may be answered. What the client does not wait for any
// more reaches the majority all the same.
func (s *server) majority(ctx context.Context, at model.Position, term int, lag time.Duration) error {
	err := wait(ctx, lag)
	if err != nil {
		time.AfterFunc(lag, func() { s.commit(at, term) })
		return err
	}
	for {
		done, again := s.commit(at, term)
		switch {
		case done:
			return nil
		case again == nil:
			return errBroken // the term is over: it may have survived, or not
		}
		if err := hang(ctx, again); err != nil {
			return err
		}
	}
}

// deliver carries out a copy that nobody waits for.
func (s *server) deliver(st model.Statement) {
	at, term, ok := s.run(st, true)
	if ok {
		s.rates.count.met(lates)
		s.commit(at, term)
	}
}

// hang waits for a channel, as long as a client has patience.
func hang(ctx context.Context, c <-chan struct{}) error {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return errBroken
	}
}
