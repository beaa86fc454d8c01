package lgtask

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/sourcegraph/conc"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/timers"
	"github.com/lgtask/lgtask/watcher"
)

// engine wires watcher, wheel and dispatcher together: it is the watcher's sink.
//
// The rule: a task that is due is offered to the dispatcher, a later one is set
// in the wheel, which fires a moment before it is due, see lead. What is left for a
// moment, or failed, is in looks: a fired entry wakes the dispatcher, whose sweep
// finds it.
type engine struct {
	conn       *Connection
	handler    *handler
	claims     *claims
	dispatcher *dispatcher.Dispatcher
	timer      *timers.Timer[delayed]
	looks      *timers.Timer[glance]
	early      chan []tasks.ID // fired and not due yet; has room for a few
	watcher    *watcher.Watcher
	listener   *listener
	log        zerolog.Logger
	member     *membership
	ranks      *ranks
	rescuer    *rescuer // of maintain
	classes    map[string]bool
	sweepEvery time.Duration // the shortest time between two safety sweeps; the longest is half as long again

	exitOnStuck bool                                    // see Config.OnStuck
	fatal       atomic.Pointer[context.CancelCauseFunc] // ends run
	retired     chan string                             // names that were let go, see Processor.retire

	look   chan struct{} // capacity 1: maintain is to look who is there
	others atomic.Bool   // tasks were left to others since maintain looked last

	found   atomic.Int64 // tasks that only a safety sweep found
	loading trouble
}

// wheelWindow is how many of the next due tasks are held in memory.
const wheelWindow = timers.DefaultLimit

// newEngine makes the engine for the names that the membership has.
func newEngine(conn *Connection, h *handler, m *membership, o dispatcher.Options, sweepEvery time.Duration, log zerolog.Logger) *engine {
	e := &engine{
		conn: conn, handler: h, claims: &claims{Store: conn.store, handler: h}, log: log, classes: map[string]bool{},
		member: m, ranks: &ranks{me: m.me.Epoch}, retired: make(chan string, maxProcessors), sweepEvery: max(sweepEvery, time.Millisecond),
		look: make(chan struct{}, 1), early: make(chan []tasks.ID, 4),
		loading: trouble{log: log, what: "load the next due tasks"},
	}
	o.Names, o.Holder = m.held(), m.me.Epoch
	o.Retired = func(name string) { e.retired <- name } // has room for all
	for _, c := range h.classes {
		e.classes[c] = true
	}
	e.claims.ranks = e.ranks
	e.claims.later = e.glanceIn
	m.fence = func() { e.dispatcher.Fence(h.keepsRunning) }
	m.unfence = func(epoch string) {
		e.ranks.rename(epoch)
		e.dispatcher.Unfence(epoch)
	}
	o.Peers, o.Now = e.ranks.peers, conn.store.Clock
	o.Claims, o.Handler, o.Lost, o.Log = e.claims, h, e.lost, log
	o.Stuck = e.stuck
	e.dispatcher = dispatcher.New(o)
	h.overdue = e.dispatcher.Overdue
	e.claims.work = e.dispatcher
	e.rescuer = newRescuer(conn.store, m, e.dispatcher, log)
	e.rescuer.learn = e.ranks.learn
	e.looks = timers.New(timers.Options[glance]{Fire: e.glance, Now: conn.store.Clock})
	e.timer = timers.New(timers.Options[delayed]{
		Fire:     e.fired,
		Overflow: func(due time.Time) { e.looks.Set(glance{sure: true}, due) },
		Load:     e.load,
		Now:      func() time.Time { return conn.store.Clock().Add(e.claims.lead.get()) },
		Limit:    wheelWindow,
	})
	e.watcher = watcher.New(watcher.Options{Source: watcher.FromStore(conn.store), Sink: e, Log: log})
	e.listener = &listener{stream: e.watcher, work: e.dispatcher, store: conn.store, classes: h.classes,
		cancelKilled: e.cancelKilled, adopt: e.adoptAll, log: log}
	return e
}

// run runs until ctx ends. The stream and the wheel outlive the dispatcher, so
// that a task can still be killed while it is given the grace to end.
func (e *engine) run(ctx context.Context) error {
	rest, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	work, fatal := context.WithCancelCause(ctx)
	defer fatal(nil)
	e.fatal.Store(&fatal)
	var wg conc.WaitGroup
	wg.Go(func() {
		if err := e.watcher.Run(rest); err != nil {
			fatal(err) // a database that is not ours
		}
	})
	wg.Go(func() {
		if err := e.timer.Run(rest); err != nil {
			fatal(err)
		}
	})
	wg.Go(func() {
		if err := e.looks.Run(rest); err != nil {
			fatal(err)
		}
	})
	wg.Go(func() { e.goEarly(rest) })
	wg.Go(func() {
		if err := e.member.run(rest); err != nil {
			fatal(err)
		}
	})
	wg.Go(func() { e.maintain(rest) })
	wg.Go(func() { e.listener.run(rest) })
	err := e.dispatcher.Run(work)
	stop()
	wg.Wait()
	if err == nil && ctx.Err() == nil {
		err = context.Cause(work)
	}
	return err
}

// Reset implements watcher.Sink: a stream was opened, and everything before it
// is in the collection.
func (e *engine) Reset(ctx context.Context) error {
	if _, err := e.conn.store.SyncClock(ctx); err != nil {
		return err
	}
	if err := e.ranks.look(ctx, e.conn.store); err != nil {
		return err
	}
	return e.conn.store.Fresh(ctx, func(ctx context.Context) error {
		if err := e.cancelKilled(ctx); err != nil {
			return err
		}
		if err := e.adoptAll(ctx); err != nil {
			return err
		}
		if err := e.audit(ctx); err != nil {
			return err
		}
		entries, horizon, err := e.upcoming(ctx, e.conn.store.Clock())
		if err != nil {
			return err
		}
		e.timer.Reset(entries, horizon)
		e.dispatcher.UnblockAll()
		return nil
	})
}

// cancelKilled ends the contexts of own tasks that were killed while no stream
// was open, and tasks that were killed by hand while nobody held them.
func (e *engine) cancelKilled(ctx context.Context) error {
	held, unheld, err := e.conn.store.Killed(ctx, e.member.epoch())
	for _, id := range held {
		e.dispatcher.Cancel(id, dispatcher.ErrKilled)
	}
	for _, id := range unheld {
		if _, err := e.conn.store.EndKilled(ctx, id); err != nil {
			return err
		}
	}
	return err
}

// Handle implements watcher.Sink.
func (e *engine) Handle(ctx context.Context, ev tasks.Event) error {
	switch ev.Kind {
	case tasks.Killed:
		if !e.dispatcher.Cancel(ev.ID, dispatcher.ErrKilled) {
			_, err := e.conn.store.EndKilled(ctx, ev.ID)
			return err
		}
	case tasks.Freed:
		e.dispatcher.Unblock(ev.Key)
	case tasks.Changed:
		c, err := e.conn.store.Candidate(ctx, ev.ID)
		return e.have(ctx, c, err)
	case tasks.Inserted:
		switch {
		case ev.Foreign && (tasks.CheckClass(ev.TaskClass) != nil || e.classes[ev.TaskClass]):
			// Also one of a class that nobody can register, to end it.
			c, err := e.conn.store.Adopt(ctx, ev.ID)
			return e.have(ctx, c, err)
		case !ev.Foreign:
			return e.haveNew(ctx, *ev.Candidate)
		}
	}
	return nil
}

// haveNew is have for a task that was inserted: all processes hear of it, and
// take turns.
func (e *engine) haveNew(ctx context.Context, c tasks.Candidate) error {
	if !e.classes[c.TaskClass] || !c.Due(e.conn.store.Clock()) {
		return e.have(ctx, c, nil)
	}
	switch wait := e.ranks.wait(c.ID, c.TaskClass, e.dispatcher.ClaimTime()); wait {
	case 0:
		if e.dispatcher.Asked(c.ID) {
			return nil
		}
		return e.have(ctx, c, nil)
	case rankLast:
		e.others.Store(true) // one sweep for all of them
	default:
		e.glanceIn(c.ID, wait)
	}
	return nil
}

// have puts a waiting task where it belongs.
func (e *engine) have(ctx context.Context, c tasks.Candidate, err error) error {
	switch {
	case errors.Is(err, tasks.ErrNotFound):
		return nil // gone or not waiting any more
	case err != nil:
		return err
	case !e.classes[c.TaskClass]:
		return nil
	}
	if !c.Due(e.conn.store.Clock()) {
		e.timer.Set(delayed{c.ID, c.TaskClass}, c.TsRequest)
		return nil
	}
	e.timer.Cancel(delayed{c.ID, c.TaskClass})
	if err := e.claims.identify(ctx, &c); err != nil {
		return err
	}
	e.dispatcher.Offer(c)
	return nil
}

// lost is told of candidates that were not won. Usually another processor has
// them. One that came due just now may have been asked for too early, if the
// estimate of the server's clock jumped, or was moved: it is looked for once more.
func (e *engine) lost(c tasks.Candidate) {
	if e.ranks.lookSoon() {
		select {
		case e.look <- struct{}{}:
		default:
		}
	}
	now := e.conn.store.Clock()
	if c.TsRequest.After(now.Add(-20 * time.Millisecond)) {
		e.glanceIn(c.ID, max(c.TsRequest.Sub(now), tasks.MaxLead)+5*time.Millisecond)
	}
}

// load implements timers.Options.Load.
func (e *engine) load(ctx context.Context, from time.Time) ([]timers.Entry[delayed], time.Time, error) {
	entries, horizon, err := e.upcoming(ctx, from)
	if ctx.Err() == nil {
		e.loading.note(err)
	}
	return entries, horizon, err
}

// upcoming reads what is due next, and until when nothing else is.
func (e *engine) upcoming(ctx context.Context, from time.Time) ([]timers.Entry[delayed], time.Time, error) {
	const page = wheelWindow / 2
	due, err := e.conn.store.Upcoming(ctx, from, page+1)
	if err != nil {
		return nil, time.Time{}, err
	}
	var horizon time.Time
	if len(due) > page {
		horizon = due[page].TsRequest
	}
	var entries []timers.Entry[delayed]
	for _, d := range due {
		if e.classes[d.TaskClass] && (horizon.IsZero() || d.TsRequest.Before(horizon)) {
			entries = append(entries, timers.Entry[delayed]{Key: delayed{d.ID, d.TaskClass}, Due: d.TsRequest})
		}
	}
	return entries, horizon, nil
}
