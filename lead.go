package lgtask

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// lead is how long before its instant a delayed task is read and claimed, so that
// its handler starts on time: learnt from whether the last ones were claimed by
// then, so that nine of ten are. The zero value is ready.
type lead struct{ ns atomic.Int64 }

// Rules of the lead. The most is tasks.MaxLead: so long a processor may wait.
const (
	leadFirst = 5 * time.Millisecond
	leadLeast = time.Millisecond
	leadLess  = 40 * time.Microsecond // after one that was in time,
	leadMore  = 9 * leadLess          // and after one that was not
)

func (l *lead) get() time.Duration {
	if ns := l.ns.Load(); ns != 0 {
		return time.Duration(ns)
	}
	return leadFirst
}

// claimed is told of the end of a claim, by the database's clock.
func (l *lead) claimed(cl tasks.Claim, now time.Time) {
	for _, due := range cl.Early {
		l.learn(now.Before(due))
	}
}

func (l *lead) learn(inTime bool) {
	d := l.get() - leadLess
	if !inTime {
		d = l.get() + leadMore
	}
	l.ns.Store(int64(min(max(d, leadLeast), tasks.MaxLead-leadLeast)))
}

// delayed is a waiting task in the wheel.
type delayed struct {
	id    tasks.ID
	class string
}

// fired is called by the wheel with tasks that will be due after the lead. Those
// that are ours, if there are free processors for them, are claimed before they are
// due. For all, a sweep looks when they are, unless they were asked for by then; so
// what fails here makes a task late by a few milliseconds.
func (e *engine) fired(ds []delayed) {
	now := e.conn.store.Clock()
	lead := e.claims.lead.get()
	var own []tasks.ID
	for _, d := range ds {
		wait := e.ranks.wait(d.id, d.class, e.dispatcher.ClaimTime())
		if wait == 0 {
			own = append(own, d.id)
		}
		e.looks.Set(glance{id: d.id}, now.Add(lead+wait))
	}
	busy, sweepDue, _ := e.dispatcher.Busy()
	if len(own) == 0 || sweepDue || len(own) > e.dispatcher.Processors()-busy {
		return
	}
	select {
	case e.early <- own:
	default:
	}
}

// goEarly reads what fired and offers it.
func (e *engine) goEarly(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case ids := <-e.early:
			if err := e.offerEarly(ctx, ids); err != nil && ctx.Err() == nil {
				e.log.Debug().Err(err).Msg("cannot read tasks before they are due")
			}
		}
	}
}

func (e *engine) offerEarly(ctx context.Context, ids []tasks.ID) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	cs, err := e.conn.store.CandidatesOf(ctx, ids)
	if err != nil {
		return err
	}
	for _, c := range cs {
		now := e.conn.store.Clock()
		switch {
		case c.TsRequest.After(now.Add(tasks.MaxLead)): // it was moved
			e.timer.Set(delayed{c.ID, c.TaskClass}, c.TsRequest)
			continue
		case c.Due(now):
			e.claims.lead.learn(false)
		}
		if err := e.claims.identify(ctx, &c); err != nil {
			return err
		}
		e.dispatcher.Offer(c)
	}
	return nil
}

// glance is a sweep that is to come for the sake of a task; if it is not sure, not
// if the task was asked for meanwhile.
type glance struct {
	id   tasks.ID
	sure bool
}

// glanceIn has a sweep look for a task after a while, if it still waits.
func (e *engine) glanceIn(id tasks.ID, wait time.Duration) {
	e.looks.Set(glance{id, true}, e.conn.store.Clock().Add(wait))
}

func (e *engine) glance(gs []glance) {
	for _, g := range gs {
		if g.sure || !e.dispatcher.Asked(g.id) {
			e.dispatcher.Wake()
			return
		}
	}
}
