package lgtask

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/tasks"
)

// The paces of a listener.
const (
	paceActive  = 20 * time.Millisecond  // listening, and tasks run here: is there a backlog?
	paceBusy    = 40 * time.Millisecond  // busy: kills are looked for
	paceRate    = 100 * time.Millisecond // asking: every one to two of these
	afterBusy   = 500 * time.Millisecond // so long after having been busy it asks at the pace of busy
	paceUnblock = 200 * time.Millisecond // closed: names that were going are tried again
	paceAdopt   = time.Second            // closed: documents by hand are looked for

	// Asking: the class index is asked each time too, with up to askAlike
	// processes of the same classes. If there are more each asks less often, since
	// any of them finds what is there: together they ask about as often as so many.
	askAlike = 4
	askMost  = 6 // times less often

	countEvery = 10 * time.Second // the listeners are counted anew
	countAbove = 50               // entries a second; below, 400 listeners are no storm
	askTimeout = 5 * time.Second  // for one command
)

// ListeningStats tells whether a process listens to the changes of the task
// collection, and why not.
type ListeningStats struct {
	State     string    // "listening"; "busy" or "asking" while the stream is closed; "" before the start
	Since     time.Time // when State began
	WriteRate float64   // oplog entries a second of the whole deployment, at the last look
	Listeners int       // live processes, at the last count
	ForBusy   int64     // times that the stream was closed since there was work enough without it
	ForStorm  int64     // times that it was closed since the deployment wrote too much
}

// listener carries out the listening budget. What it acts on are parts of the
// engine.
type listener struct {
	stream interface {
		Suspend()
		Resume()
		Listening() <-chan struct{}
	}
	work interface {
		// Pressure returns since when tasks wait that no processor is free for,
		// zero if none do, and when a task last ended here.
		Pressure() (waiting, finished time.Time)
		Busy() (n int, sweepDue bool, changed <-chan struct{})
		Blocked() []string
		UnblockAll()
		Wake()
	}
	store interface {
		OplogTime(ctx context.Context) (tasks.OplogTime, error)
		Waiting(ctx context.Context, q tasks.Query) (bool, tasks.OplogTime, error)
		CountListeners(ctx context.Context, classes []string) (all, alike int, err error)
		Clock() time.Time
	}
	classes      []string
	cancelKilled func(ctx context.Context) error // ends own tasks that were killed
	adopt        func(ctx context.Context) error // completes documents by hand
	log          zerolog.Logger

	mu    sync.Mutex
	stats ListeningStats

	// Only run's goroutine touches these.
	budget               listenBudget
	rate                 tasks.WriteRate
	sampleAt             time.Time // listening: when the rate is read next
	countedAt            time.Time
	wasBusy              time.Time // when the state was last busy
	unblocked, lookedFor time.Time // see paceUnblock, paceAdopt
	askAt                time.Time // asking: when the class index is asked next
	alike                int       // processes of the same classes, at the last count
}

// run keeps the budget until ctx ends. An error of a command is no reason to
// stop: what it should have told is asked again.
func (l *listener) run(ctx context.Context) {
	select {
	case <-l.stream.Listening(): // the first time it must
	case <-ctx.Done():
		return
	}
	l.budget = newListenBudget(time.Now())
	l.sampleAt = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		_, _, changed := l.work.Busy() // before the look, so that nothing is missed between
		if l.budget.state != stateListening || l.active() {
			changed = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-changed: // a run has ended: there is work again
		case <-timer.C:
		}
		began := time.Now()
		l.turn(ctx)
		// Counted from the begin of the turn, but with a rest if the server is slow.
		pace := l.pace(time.Now())
		timer.Reset(max(pace-time.Since(began), min(pace, paceBusy)/4))
	}
}

// active reports whether a backlog may come about.
func (l *listener) active() bool {
	waiting, finished := l.work.Pressure()
	return !waiting.IsZero() || time.Since(finished) < time.Second
}

// turn looks, decides and acts once.
func (l *listener) turn(ctx context.Context) {
	in := listenInput{}
	in.waiting, in.finished = l.work.Pressure()
	if l.budget.state == stateListening {
		l.sample(ctx, &in)
	} else {
		l.standIn(ctx, &in)
	}
	in.now = time.Now()
	was := l.budget.state
	l.budget.step(in)
	if l.budget.state != was {
		l.switched(was)
	}
	l.publish()
}

// switched does what a change of state means.
func (l *listener) switched(was string) {
	now := time.Now()
	switch l.budget.state {
	case stateListening:
		l.stream.Resume()
		l.sampleAt = now.Add(untilSample(l.store.Clock()))
	default:
		l.stream.Suspend()
		if was == stateListening {
			l.unblocked, l.lookedFor = now, now
		}
	}
	if was == stateBusy {
		l.wasBusy = now
	}
	l.log.Debug().Str("was", was).Str("is", l.budget.state).Float64("writeRate", l.stats.WriteRate).Int("listeners", l.stats.Listeners).
		Msg("listening")
}

// pace returns how long after a turn's begin the next one is due.
func (l *listener) pace(now time.Time) time.Duration {
	switch {
	case l.budget.state == stateBusy, l.budget.state == stateAsking && now.Sub(l.wasBusy) < afterBusy:
		return paceBusy
	case l.budget.state == stateAsking && !l.budget.quiet.IsZero():
		return paceRate // is it over?
	case l.budget.state == stateAsking:
		return paceRate + rand.N(paceRate)
	}
	wait := max(l.sampleAt.Sub(now), time.Millisecond)
	if l.active() {
		wait = min(wait, paceActive)
	}
	return wait
}

func (l *listener) publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.State, l.stats.Since = l.budget.state, l.budget.since
	l.stats.ForBusy, l.stats.ForStorm = l.budget.busyTimes, l.budget.stormTimes
}

// Stats returns the state; it may be called from any goroutine.
func (l *listener) Stats() ListeningStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}
