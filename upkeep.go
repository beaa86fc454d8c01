package lgtask

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lgtask/lgtask/tasks"
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
			if e.others.Swap(false) {
				e.dispatcher.Wake()
			}
		case <-look.C:
			e.lookAround(ctx)
		case <-e.look:
			if err := e.ranks.look(ctx, e.conn.store); err != nil && ctx.Err() == nil {
				e.log.Debug().Err(err).Msg("cannot look for other processes")
			}
		case <-clock.C:
			clock.Reset(clockEvery)
			if jumped, err := e.conn.store.SyncClock(ctx); err != nil && ctx.Err() == nil {
				e.log.Debug().Err(err).Msg("cannot ask the server's time")
			} else if jumped {
				e.log.Warn().Msg("the server's clock, or the estimate of it, jumped")
				e.timer.Kick()
				e.looks.Kick()
			}
		case <-sweep.C:
			if err := e.safetySweep(ctx); err != nil && ctx.Err() == nil {
				e.log.Debug().Err(err).Msg("cannot look for missed tasks")
			}
			sweep.Reset(jittered())
		}
	}
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
		cs, err := e.conn.store.Candidates(ctx, tasks.Query{Classes: e.handler.classes, Blocked: e.dispatcher.Blocked(), Limit: 100})
		if err != nil {
			return err
		}
		for _, c := range cs {
			if e.conn.store.Clock().Sub(c.TsRequest) > overdue {
				e.found.Add(1)
				e.log.Warn().Stringer("task", c.ID).Str("class", c.TaskClass).Time("due", c.TsRequest).Msg("a waiting task had been missed")
			}
		}
	}
	e.dispatcher.UnblockAll()
	return nil
}
