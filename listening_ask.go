package lgtask

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

// sample reads the write rate, if it is time to.
func (l *listener) sample(ctx context.Context, in *listenInput) {
	if time.Now().Before(l.sampleAt) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	t, err := l.store.OplogTime(ctx)
	l.observe(ctx, in, t, err)
	l.sampleAt = time.Now().Add(untilSample(l.store.Clock()))
	if in.sampled && in.load > stormAbove && !l.budget.suspect || !in.sampled && l.budget.suspect {
		l.sampleAt = time.Now().Add(paceRate) // is it a storm, or was it a moment?
	}
}

// observe takes a reading of the logical clock.
func (l *listener) observe(ctx context.Context, in *listenInput, t tasks.OplogTime, err error) {
	if err != nil {
		l.failed(ctx, err, "cannot ask for the write rate")
		return
	}
	rate, known := l.rate.Add(t, l.store.Clock())
	if !known {
		return
	}
	listeners := l.stats.Listeners
	if matters := rate > countAbove || rate*float64(listeners) > calmBelow; matters && time.Since(l.countedAt) >= countEvery {
		all, alike, err := l.store.CountListeners(ctx, l.classes)
		if err != nil {
			l.failed(ctx, err, "cannot count the processes")
		} else {
			l.countedAt, listeners, l.alike = time.Now(), all, alike
		}
	}
	l.mu.Lock()
	l.stats.WriteRate, l.stats.Listeners = rate, listeners
	l.mu.Unlock()
	in.sampled, in.load = true, rate*float64(max(listeners, 1))
}

// standIn does for a closed stream what its events would have: it looks for
// kills, due tasks, names that are free again, and documents by hand.
func (l *listener) standIn(ctx context.Context, in *listenInput) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	now := time.Now()
	if n, _, _ := l.work.Busy(); n > 0 {
		if err := l.cancelKilled(ctx); err != nil {
			l.failed(ctx, err, "cannot look for killed tasks")
		}
	}
	blocked := l.work.Blocked()
	switch {
	case in.waiting.IsZero() && !now.Before(l.askAt):
		l.ask(ctx, in, blocked)
	case l.budget.state == stateAsking: // not yet, or there is work that nobody here is free for
		t, err := l.store.OplogTime(ctx)
		l.observe(ctx, in, t, err)
	}
	if len(blocked) > 0 && now.Sub(l.unblocked) >= paceUnblock {
		l.unblocked = now
		l.work.UnblockAll()
	}
	if now.Sub(l.lookedFor) >= l.shared(paceAdopt) {
		l.lookedFor = now
		if err := l.adopt(ctx); err != nil {
			l.failed(ctx, err, "cannot look for documents by hand")
		}
	}
}

// ask asks the class index.
func (l *listener) ask(ctx context.Context, in *listenInput, blocked []string) {
	due, t, err := l.store.Waiting(ctx, tasks.Query{Classes: l.classes, Blocked: blocked})
	if due {
		l.work.Wake()
	}
	// Whatever the server has against the question, the path in may mend it: it
	// creates an index again that was dropped.
	var refused mongo.CommandError
	in.broken = errors.As(err, &refused) && !mongo.IsTimeout(err)
	l.observe(ctx, in, t, err)
	if time.Since(l.wasBusy) >= afterBusy {
		const turn = paceRate * 3 / 2 // comes anyway
		l.askAt = time.Now().Add(l.shared(turn) - turn)
	}
}

// shared stretches the time between two looks that others take as well.
func (l *listener) shared(d time.Duration) time.Duration {
	return d * time.Duration(min(max(l.alike, askAlike), askMost*askAlike)) / askAlike
}

// failed notes an error that the next turn makes good.
func (l *listener) failed(ctx context.Context, err error, what string) {
	if ctx.Err() == nil || ctx.Err() == context.DeadlineExceeded {
		l.log.Debug().Err(err).Msg(what)
	}
}

// untilSample returns how long to wait for the next reading of the write rate,
// about a second. The count of entries starts anew with each second of the
// server, so it is read when most of the second is over, but a second reading fits
// in. now is the server's time.
func untilSample(now time.Time) time.Duration {
	const from, to = 750 * time.Millisecond, 880 * time.Millisecond
	wait := now.Truncate(time.Second).Add(from + rand.N(to-from)).Sub(now)
	if wait < 300*time.Millisecond {
		wait += time.Second
	}
	return wait
}
