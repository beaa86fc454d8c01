package simulation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// stream is what watcher, wheel and engine do for a dispatcher: events are hints, and
// what was missed while no stream was open is read.
type stream struct {
	p      *process
	signal chan struct{} // capacity 1

	mu     sync.Mutex
	queue  []tasks.Event
	broken bool
}

// fail breaks the stream: what happens from now on is missed.
func (s *stream) fail() {
	s.mu.Lock()
	if !s.broken {
		s.p.w.met(gaps)
	}
	s.broken, s.queue = true, nil
	s.mu.Unlock()
	s.wake()
}

func (s *stream) wake() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

func (s *stream) push(c model.Change) {
	ev, ok := c.Event()
	if !ok {
		return
	}
	s.mu.Lock()
	if !s.broken {
		s.queue = append(s.queue, ev)
	}
	s.mu.Unlock()
	s.wake()
}

func (s *stream) take() (evs []tasks.Event, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	evs, s.queue = s.queue, nil
	return evs, s.broken
}

func (s *stream) run(ctx context.Context) {
	d := s.p.line.roll("stream")
	for ctx.Err() == nil {
		s.mu.Lock()
		s.queue, s.broken = nil, s.p.line.isCut()
		s.mu.Unlock()
		stop := s.p.w.db.Follow(s.push)
		err := s.reset(ctx)
		for err == nil {
			err = s.next(ctx, d)
		}
		stop()
		_ = wait(ctx, d.between(100*time.Millisecond, 2*time.Second)) // of a look, the end of ctx is seen above
	}
}

// reset is engine.Reset.
func (s *stream) reset(ctx context.Context) error {
	held, unheld, err := s.p.store.Killed(ctx, s.p.life.Epoch())
	if err != nil {
		return err
	}
	for _, id := range held {
		s.p.d.Cancel(id, dispatcher.ErrKilled)
	}
	for _, id := range unheld {
		if _, err := s.p.store.EndKilled(ctx, id); err != nil {
			return err
		}
	}
	due, err := s.p.store.Upcoming(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, c := range due {
		s.set(c)
	}
	s.p.d.UnblockAll()
	return nil
}

// next waits for events and handles them.
func (s *stream) next(ctx context.Context, d *dice) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.signal:
	}
	latency := d.between(100*time.Microsecond, 5*time.Millisecond)
	if s.p.w.rates.on.Load() && d.oneIn(20) {
		latency *= 100
	}
	if err := wait(ctx, latency); err != nil {
		return err
	}
	if err := s.p.awake(); err != nil {
		return err
	}
	evs, broken := s.take()
	if broken {
		return errBroken
	}
	for _, ev := range evs {
		if err := s.handle(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// handle is engine.Handle.
func (s *stream) handle(ctx context.Context, ev tasks.Event) error {
	switch ev.Kind {
	case tasks.Killed:
		if !s.p.d.Cancel(ev.ID, dispatcher.ErrKilled) {
			_, err := s.p.store.EndKilled(ctx, ev.ID)
			return err
		}
	case tasks.Freed:
		s.p.d.Unblock(ev.Key)
	case tasks.Inserted:
		s.have(*ev.Candidate)
	case tasks.Changed:
		c, err := s.p.store.Candidate(ctx, ev.ID)
		switch {
		case errors.Is(err, tasks.ErrNotFound):
		case err != nil:
			return err
		default:
			s.have(c)
		}
	}
	return nil
}

func (s *stream) have(c tasks.Candidate) {
	if !c.Due(time.Now()) {
		s.set(c)
		return
	}
	s.p.d.Offer(c)
}

// set is the wheel: a task is offered a moment before it is due.
func (s *stream) set(c tasks.Candidate) {
	wait := time.Until(c.TsRequest) + s.p.line.roll("wheel").between(0, time.Millisecond)
	if early := wait - tasks.MaxLead/2; early > 0 {
		time.AfterFunc(early, func() {
			if s.p.awake() == nil {
				s.p.d.Offer(c)
			}
		})
	}
	time.AfterFunc(max(wait, time.Microsecond), s.look)
}

func (s *stream) look() {
	if s.p.awake() == nil {
		s.p.d.Wake()
	}
}

// lookAgain is engine.lost: the claim may have come too early.
func (s *stream) lookAgain(c tasks.Candidate) {
	if now := time.Now(); c.TsRequest.After(now.Add(-20 * time.Millisecond)) {
		time.AfterFunc(max(c.TsRequest.Sub(now), tasks.MaxLead)+5*time.Millisecond, s.look)
	}
}
