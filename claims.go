package lgtask

import (
	"context"
	"errors"
	"time"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/tasks"
)

// Deadlines of the statements of claiming and finishing. With one the driver
// repeats a write whose outcome it does not know until the deadline.
const (
	claimTimeout  = 20 * time.Second
	finishTimeout = 60 * time.Second
)

// claims is the store as the dispatcher needs it: with deadlines, and with the
// successor of a scheduled run inserted before the run ends.
type claims struct {
	*tasks.Store
	handler *handler
	ranks   *ranks
	work    *dispatcher.Dispatcher
	later   func(id tasks.ID, wait time.Duration) // a task that is left to others for now
	lead    lead
}

// Pages implements dispatcher.Claims. Classes that compute their name get their
// kwargs, however large.
func (c *claims) Pages(ctx context.Context, q tasks.Query) (tasks.Pages, error) {
	if len(q.Classes) == 0 {
		return nothing{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	p := &claimPages{c: c}
	if q.Above == nil && c.ranks.peers() > 1 {
		p.turns = c.ranks.turns(c.work.ClaimTime(), c.work.Processors())
		q.Take, q.From = p.turns.take, p.turns.from
	}
	var err error
	p.Pages, err = c.Store.Pages(ctx, q)
	return p, err
}

// nothing is what waits of no class.
type nothing struct{}

func (nothing) Next(context.Context, int) ([]tasks.Candidate, bool, error) { return nil, false, nil }
func (nothing) Close(context.Context) error                                { return nil }

type claimPages struct {
	tasks.Pages
	c     *claims
	turns *turns // nil if there are no others
}

func (p *claimPages) Next(ctx context.Context, about int) ([]tasks.Candidate, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	cs, more, err := p.Pages.Next(ctx, about)
	if err != nil {
		return nil, false, err
	}
	for i := range cs {
		if err := p.c.identify(ctx, &cs[i]); err != nil {
			return nil, false, err
		}
	}
	if p.turns != nil {
		if id, wait, any := p.turns.page(more); any {
			p.c.later(id, wait)
		}
	}
	return cs, more, nil
}

// identify reads the kwargs that a candidate's name is computed from.
func (c *claims) identify(ctx context.Context, cand *tasks.Candidate) error {
	cl := c.handler.registry.class(cand.TaskClass)
	if cl == nil || !cl.named || cand.Kwargs != nil || cand.TaskName != "" {
		return nil
	}
	kw, err := c.Kwargs(ctx, cand.ID)
	var invalid *tasks.InvalidError
	switch {
	case errors.Is(err, tasks.ErrNotFound), errors.As(err, &invalid):
		return nil // the claim or the run finds out
	case err != nil:
		return err
	}
	cand.Kwargs = kw
	return nil
}

// Claim implements dispatcher.Claims.
func (c *claims) Claim(ctx context.Context, cand tasks.Candidate, cl tasks.Claim, key, name string) (tasks.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	v, err := c.Store.Claim(ctx, cand, cl, key, name)
	c.lead.claimed(cl, c.Clock())
	return v, err
}

// ClaimMany implements dispatcher.Claims.
func (c *claims) ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (map[tasks.ID]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	won, err := c.Store.ClaimMany(ctx, ids, processors, cl)
	c.lead.claimed(cl, c.Clock())
	return won, err
}

// Finish implements dispatcher.Claims.
func (c *claims) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	final := o.State.Final()
	if h.Key != "" && final {
		if err := c.succeed(ctx, h); err != nil {
			return err
		}
	}
	if err := c.Store.Finish(ctx, h, o); err != nil {
		if errors.Is(err, tasks.ErrFenced) {
			c.handler.finished(h.ID)
		}
		return err
	}
	state := o.State
	if h.Key != "" && !final {
		var err error
		if state, err = c.killed(ctx, h); err != nil {
			return err
		}
	}
	c.closeLog(ctx, h, state)
	return nil
}

// FinishMany implements dispatcher.Claims.
func (c *claims) FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	errs, err := c.Store.FinishMany(ctx, es)
	if err != nil {
		return nil, err
	}
	for i, e := range es {
		switch {
		case e.Unstarted:
		case errors.Is(errs[i], tasks.ErrFenced):
			c.handler.finished(e.ID)
		case errs[i] != nil: // it is sent again
		default:
			c.closeLog(ctx, e.Held, e.State)
		}
	}
	return errs, nil
}

// killed looks at a named run that was given back: one that somebody asked to
// kill meanwhile has ended instead, and its schedule goes on.
func (c *claims) killed(ctx context.Context, h tasks.Held) (tasks.State, error) {
	t, err := c.Get(ctx, h.ID)
	if errors.Is(err, tasks.ErrNotFound) || err == nil && !t.State.Final() {
		return tasks.Request, nil
	}
	if err != nil {
		return tasks.Request, err
	}
	return t.State, c.succeed(ctx, h)
}

// closeLog gives the log of a task that has ended the task's own expiry. Should
// that fail, it is kept for the longest of the times.
func (c *claims) closeLog(ctx context.Context, h tasks.Held, state tasks.State) {
	logged := c.handler.finished(h.ID) || h.Attempt > 0 // earlier attempts may have logged elsewhere
	if !logged || !state.Final() {
		return
	}
	if err := c.CloseLog(ctx, h, state); err != nil {
		c.handler.log.Debug().Err(err).Stringer("task", h.ID).Msg("cannot set when the log of a task expires")
	}
}

// succeed inserts the run that follows h if its name is scheduled.
func (c *claims) succeed(ctx context.Context, h tasks.Held) error {
	sc, err := c.Schedule(ctx, h.Key)
	if errors.Is(err, tasks.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	end, err := c.Now(ctx)
	if err != nil {
		return err
	}
	due := h.TsRequest
	if at := h.Schedule.At; !at.IsZero() && at.Before(due) {
		due = at
	}
	due, err = nextRun(sc, due, end.Add(-time.Since(h.StartedAt)), end)
	if err != nil {
		c.handler.log.Error().Err(err).Str("schedule", sc.Key).Msg("a schedule cannot be read; it has no next run")
		return nil
	}
	return c.Succeed(ctx, h, sc, due)
}
