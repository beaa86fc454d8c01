package lgtask

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/watcher"
)

// adoptAll completes the documents that were inserted by hand.
func (e *engine) adoptAll(ctx context.Context) error {
	const page = 500
	for {
		// Those of a page that could not be adopted have been ended.
		if _, found, err := e.conn.store.AdoptMany(ctx, e.handler.classes, page); err != nil || found < page {
			return err
		}
	}
}

// When the server's clock is asked for again: soon after the start, which may be
// a busy time in which its answers come late.
const (
	clockSoon  = time.Second
	clockEvery = 30 * time.Second
)

// What maintain does at a time has an end: a server that takes a write and cannot have
// it confirmed by the majority answers when it can, and the rest would wait for it.
const (
	roundTimeout = 5 * time.Second
	sweepTimeout = time.Minute
)

// maintain does what comes round: logs once a second, who else is there every 5 s,
// the clock every 30 s, and the safety sweep every 20 to 30 s, which should find nothing.
func (e *engine) maintain(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	clock := time.NewTimer(clockSoon)
	defer clock.Stop()
	look := time.NewTicker(e.member.look)
	defer look.Stop()
	jittered := func() time.Duration { return e.sweepEvery + rand.N(e.sweepEvery/2) }
	sweep := time.NewTimer(jittered())
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			e.handler.flush(ctx)
			if e.others.Swap(false) || e.deaf() {
				e.dispatcher.Wake()
			}
		case <-look.C:
			e.round(ctx, roundTimeout, "look for other processes", e.rescuer.rescue)
		case <-e.look:
			e.round(ctx, roundTimeout, "look for other processes", func(ctx context.Context) error { return e.ranks.look(ctx, e.conn.store) })
		case <-clock.C:
			clock.Reset(clockEvery)
			e.round(ctx, roundTimeout, "ask the server's time", e.syncClock)
		case <-sweep.C:
			e.round(ctx, sweepTimeout, "look for missed tasks", e.safetySweep)
			sweep.Reset(jittered())
		}
	}
}

// round does something that comes round again, should it fail.
func (e *engine) round(ctx context.Context, most time.Duration, what string, do func(context.Context) error) {
	doing, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := do(doing); err != nil && ctx.Err() == nil {
		e.log.Debug().Err(err).Msg("cannot " + what)
	}
}

func (e *engine) syncClock(ctx context.Context) error {
	jumped, err := e.conn.store.SyncClock(ctx)
	if jumped {
		e.log.Warn().Msg("the server's clock, or the estimate of it, jumped")
		e.timer.Kick()
		e.looks.Kick()
	}
	return err
}

// deaf reports whether the stream is down. Then a sweep a second finds what comes in:
// the waits until the stream is tried again are longer.
func (e *engine) deaf() bool {
	s := e.watcher.Stats()
	return s.State == watcher.Waiting || s.State == watcher.Opening && time.Since(s.Since) > time.Second
}

// overdue is how long a task must have been due before a safety sweep calls it
// missed.
const overdue = 2 * time.Second

// safetySweep looks for what no event and no timer brought. With a free
// processor and no sweep under way, a task that has been due for two seconds was
// missed.
func (e *engine) safetySweep(ctx context.Context) error {
	if err := e.adoptAll(ctx); err != nil {
		return err
	}
	if err := e.audit(ctx); err != nil {
		return err
	}
	busy, sweepDue, _ := e.dispatcher.Busy()
	if busy < e.dispatcher.Processors() && !sweepDue {
		cs, err := e.conn.store.Candidates(ctx, tasks.Query{Classes: e.handler.classes, Blocked: e.dispatcher.Blocked(), NoLastChance: true, Limit: 100})
		if err != nil {
			return err
		}
		e.countMissed(cs)
	}
	e.dispatcher.UnblockAll()
	return nil
}

// countMissed counts those of the waiting tasks that should have been told of. None
// was missed that came due before the stream, which was down, was opened again.
func (e *engine) countMissed(cs []tasks.Candidate) {
	if e.deaf() {
		return
	}
	listens := e.watcher.Stats()
	var missed []tasks.Candidate
	for _, c := range cs {
		late := e.conn.store.Clock().Sub(c.TsRequest)
		if late > overdue && (listens.State != watcher.Following || time.Since(listens.Since) > late) {
			missed = append(missed, c)
		}
	}
	if n := len(missed); n > 0 {
		e.found.Add(int64(n))
		e.log.Warn().Int("tasks", n).Stringer("first", missed[0].ID).Str("class", missed[0].TaskClass).Time("due", missed[0].TsRequest).Msg("waiting tasks had been missed")
	}
}
