package watcher

import (
	"context"
	"fmt"
	"time"
)

// StallError is the reason why a stream was given up whose read, or opening, did
// not return in time.
type StallError struct{ After time.Duration }

// Error implements error.
func (e *StallError) Error() string { return fmt.Sprintf("no answer from the server for %v", e.After) }

// leash is the context of one stream. It ends with Run's context, or when a call
// between arm and disarm takes too long, but it has no deadline: the driver would
// turn one into limits of its own and end the stream when it passes.
type leash struct {
	parent context.Context
	ctx    context.Context // ends a moment after parent
	cancel context.CancelCauseFunc
	unhook func() bool
	stall  time.Duration
	timer  *time.Timer
}

func newLeash(parent context.Context, stall time.Duration) *leash {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	l := &leash{parent: parent, ctx: ctx, cancel: cancel, stall: stall}
	l.unhook = context.AfterFunc(parent, func() { cancel(context.Cause(parent)) })
	l.timer = time.AfterFunc(stall, func() { cancel(&StallError{stall}) })
	l.timer.Stop()
	return l
}

// release frees what the leash holds.
func (l *leash) release() {
	l.timer.Stop()
	l.unhook()
	l.cancel(context.Canceled)
}

// arm starts the time for a call. It fails if the context has ended: a call that
// begins with an ended context would leave the cursor open on the server.
func (l *leash) arm() error {
	for _, ctx := range []context.Context{l.parent, l.ctx} {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	l.timer.Reset(l.stall)
	return nil
}

// disarm ends the time for a call and returns its error, or the reason of the
// leash if that is why the call failed.
func (l *leash) disarm(err error) error {
	l.timer.Stop()
	if err != nil && l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return err
}
