package lgtask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Drain runs until no task of its classes is due and free to run and none of its
// own runs, then stops. Tasks that are due later do not count, those created
// meanwhile do. It returns ErrNotDrained, saying what was left, when ctx ends
// first; the processor then goes on.
func (p *Processor) Drain(ctx context.Context) error {
	p.mu.Lock()
	e := p.engine
	p.mu.Unlock()
	if e == nil {
		return fmt.Errorf("%w: the processor was not started", ErrNotDrained)
	}
	for {
		left, err := p.undone(ctx, e)
		if err == nil && left == "" {
			return p.Stop(ctx)
		}
		if ctx.Err() != nil {
			if left == "" {
				left = "the database did not answer"
			}
			return fmt.Errorf("%w: %s", ErrNotDrained, left)
		}
		if err := p.waitChange(ctx, e); err != nil {
			return err
		}
	}
}

// undone says what there is still to do, "" for nothing.
func (p *Processor) undone(ctx context.Context, e *engine) (string, error) {
	n, sweep, before := e.dispatcher.Busy()
	if n > 0 || sweep {
		return busy(n), nil
	}
	cs, err := p.conn.store.Candidates(ctx, tasks.Query{Classes: p.cfg.Classes, Blocked: e.dispatcher.Blocked(), Limit: 1})
	if err != nil {
		return "", err
	}
	if len(cs) > 0 {
		e.dispatcher.Wake()
		return fmt.Sprintf("task %s of class %s is due", cs[0].ID, cs[0].TaskClass), nil
	}
	// Between the two looks a task may have been claimed; it may even have ended
	// and have left another one behind.
	if n, sweep, after := e.dispatcher.Busy(); n > 0 || sweep || before != after {
		return busy(n), nil
	}
	return "", nil
}

func busy(n int) string {
	if n <= 1 {
		return "a task is running or about to"
	}
	return fmt.Sprintf("%d tasks are running or about to", n)
}

// waitChange waits until the dispatcher has something new to tell. The longest
// wait is for what happens elsewhere, such as another processor's claim.
func (p *Processor) waitChange(ctx context.Context, e *engine) error {
	_, _, changed := e.dispatcher.Busy()
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
	case <-p.done:
		return errors.Join(ErrNotDrained, p.err)
	}
	return nil
}
