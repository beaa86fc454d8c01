package lgtask

import (
	"context"
	"errors"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// noteTimeout bounds the writing of a task's last line.
const noteTimeout = 10 * time.Second

// stuck is told of a handler that goes on although its context has ended. That is a
// mistake in the handler, or in what it calls; the task shows it too.
func (e *engine) stuck(h tasks.Held, cause error) {
	if cause == nil {
		cause = ErrTimeout
	}
	text := "stuck: the handler goes on after the end of its context: " + cause.Error()
	e.log.Error().Stringer("task", h.ID).Str("class", h.TaskClass).Str("processor", h.Processor).AnErr("cause", cause).
		Msg("a handler ignores the end of its context: it has to pass the context to what it calls; see the setting onStuck")
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	if err := e.conn.store.Note(ctx, h, text, nil); err != nil && !errors.Is(err, tasks.ErrFenced) {
		e.log.Warn().Err(err).Stringer("task", h.ID).Msg("the last line of a stuck task could not be written")
	}
	if exit := e.fatal.Load(); exit != nil && e.exitOnStuck {
		(*exit)(ErrStuck)
	}
}
