package watcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/tasks"
)

// settleAfter is how long a stream must have been followed for an outage to be
// over and for the waits to start anew.
const settleAfter = 10 * time.Second

// Sink receives what a Watcher sees. Its methods are called from Run's goroutine
// only, never concurrently; they must not run handlers and must not block long.
type Sink interface {
	// Reset says that anything may have changed: read the collection by state. It
	// is called after each opening, before any event of that stream.
	Reset(ctx context.Context) error
	// Handle takes one event. Handling one twice must be harmless.
	Handle(ctx context.Context, ev tasks.Event) error
}

// Options configure a Watcher. Source and Sink are required.
type Options struct {
	Source Source
	Sink   Sink
	Log    zerolog.Logger // the zero value is silent

	// Stall is how long opening a stream or reading from it may take before the
	// stream is given up. Default 30 s; less than 10 s is taken as 10 s, because
	// an idle stream answers only every tasks.StreamWait.
	Stall time.Duration
	// MinWait and MaxWait are the first and the longest wait between two tries,
	// before they are varied by a quarter. Defaults 100 ms and 15 s. MaxWait is
	// at least MinWait.
	MinWait, MaxWait time.Duration
}

// Watcher follows the changes of the task collection: see the package's doc.
// Make one with New.
type Watcher struct {
	opts      Options
	counters  counters
	gate      gate
	listening chan struct{}
	listenOne sync.Once

	// Only Run's goroutine touches these.
	backoff   backoff
	notBefore time.Time // of the next try
	lostAt    time.Time // begin of the outage; zero if there is none
	reopening bool      // the next stream is the first after a suspension
}

// New returns a Watcher that does nothing until Run is called.
func New(o Options) *Watcher {
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	o.Stall = max(o.Stall, 2*tasks.StreamWait)
	if o.MinWait <= 0 {
		o.MinWait = 100 * time.Millisecond
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 15 * time.Second
	}
	o.MaxWait = max(o.MaxWait, o.MinWait)
	w := &Watcher{opts: o, listening: make(chan struct{}), backoff: backoff{min: o.MinWait, max: o.MaxWait}}
	w.counters.s.State = Stopped
	return w
}

// Listening returns a channel that is closed after the first Reset that
// succeeded: from then on nothing is missed, unless Suspend is called. It stays
// closed. See also Follows.
func (w *Watcher) Listening() <-chan struct{} { return w.listening }

// Run watches until ctx ends, and then returns nil once the stream is closed. It
// returns an error only for what never heals: one that is or wraps a
// *tasks.ForeignError. It may be called again after it has returned, but not
// twice at once.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.counters.enter(Stopped)
	w.backoff.reset()
	w.notBefore, w.lostAt = time.Time{}, time.Time{}
	for ctx.Err() == nil {
		if resumed := w.gate.closed(); resumed != nil {
			w.rest(ctx, resumed)
			continue
		}
		err := w.try(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errSuspended) {
			continue
		}
		w.counters.change(func(s *Stats) { s.LastError = err.Error() })
		if foreign := (*tasks.ForeignError)(nil); errors.As(err, &foreign) {
			return err
		}
		w.lost(err)
		w.notBefore = time.Now().Add(w.backoff.next(rand.Float64()))
	}
	return nil
}

// try waits until a try is allowed and goes the path once, until something
// fails or Suspend is called. Failures count on through a suspension: suspending
// and resuming is no way around the waits.
func (w *Watcher) try(ctx context.Context) error {
	open, done := w.gate.pass(ctx)
	defer done()
	if wait := time.Until(w.notBefore); wait > 0 {
		w.counters.enter(Waiting)
		pause(open, wait)
	}
	if open.Err() != nil {
		return context.Cause(open)
	}
	return w.attempt(ctx, open)
}

// attempt goes the path once. Only the reads end with open: Prepare, the opening
// and the sink have the context of Run, since they are not cut short by a
// suspension. A cancelled opening would leave its cursor on the server.
func (w *Watcher) attempt(ctx, open context.Context) error {
	w.counters.enter(Opening)
	if err := w.opts.Source.Prepare(ctx); err != nil {
		return err
	}
	st, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer closeStream(ctx, st)
	w.counters.change(func(s *Stats) { s.Openings++ })
	if open.Err() != nil {
		return context.Cause(open)
	}
	if err := w.opts.Sink.Reset(ctx); err != nil {
		return err
	}
	w.listens()
	l := newLeash(open, w.opts.Stall)
	defer l.release()
	return w.follow(ctx, l, st)
}

// open opens a stream, but waits no longer than Stall.
func (w *Watcher) open(ctx context.Context) (Stream, error) {
	l := newLeash(ctx, w.opts.Stall)
	defer l.release()
	if err := l.arm(); err != nil {
		return nil, err
	}
	st, err := w.opts.Source.Open(l.ctx)
	return st, l.disarm(err)
}

// listens notes that a stream is open and the sink has read the collection.
func (w *Watcher) listens() {
	w.counters.change(func(s *Stats) {
		s.Resets++
		if w.reopening {
			s.Reopenings++
		}
	})
	w.counters.enter(Following)
	w.listenOne.Do(func() { close(w.listening) })
	switch {
	case w.reopening:
		w.opts.Log.Debug().Msg("listening again after a suspension")
	case w.lostAt.IsZero():
		w.opts.Log.Info().Msg("listening")
	}
	w.reopening = false
}

// settled notes that a stream, followed since began, still works after a while.
func (w *Watcher) settled(began time.Time) {
	w.backoff.reset()
	if !w.lostAt.IsZero() {
		w.opts.Log.Info().Dur("outage", began.Sub(w.lostAt)).Msg("listening again")
		w.lostAt = time.Time{}
	}
}

// lost notes that a try or a stream has failed.
func (w *Watcher) lost(err error) {
	if w.lostAt.IsZero() {
		w.opts.Log.Warn().Err(err).Msg("not listening; trying again until it works")
		w.lostAt = time.Now()
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
