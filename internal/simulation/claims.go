package simulation

import (
	"context"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// claims is the store as the dispatcher sees it. It notes which ends are acknowledged.
type claims struct {
	*model.Store
	p *process
}

func (c *claims) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	err := c.Store.Finish(ctx, h, o)
	if err == nil {
		c.p.w.book.acknowledged(h, o)
	}
	return err
}

func (c *claims) FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error) {
	errs, err := c.Store.FinishMany(ctx, es)
	if err == nil {
		for i, e := range es {
			if errs[i] == nil {
				c.p.w.book.acknowledged(e.Held, e.Outcome)
			}
		}
	}
	return errs, err
}

// Rescues is the store as the look at other processes sees it. What that gives back is
// what its own process holds and does not know of.
type Rescues struct {
	*model.Store
	p *process
}

// Finish gives back a task.
func (r *Rescues) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	err := r.Store.Finish(ctx, h, o)
	if err == nil {
		r.p.w.book.disowned(r.p, h)
	}
	return err
}
