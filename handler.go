package lgtask

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/kwargs"
	"github.com/lgtask/lgtask/tasks"
)

// handler runs claimed tasks for the dispatcher.
type handler struct {
	conn     *Connection
	registry *Registry
	classes  []string
	stopping <-chan struct{}
	log      zerolog.Logger

	mu      sync.Mutex
	running map[*TaskContext]struct{}
}

// Classes implements dispatcher.Handler.
func (h *handler) Classes() []string { return h.classes }

// Identity implements dispatcher.Handler. Kwargs that cannot be decoded give no
// name; the run will say what is wrong with them.
func (h *handler) Identity(c *tasks.Candidate) (name string, singleton bool) {
	cl := h.registry.class(c.TaskClass)
	if cl == nil {
		return c.TaskName, false
	}
	if c.TaskName != "" || !cl.named || c.Kwargs == nil {
		return c.TaskName, cl.singleton
	}
	r := cl.make()
	release, err := h.conn.binder.Decode(context.Background(), c.Kwargs, r)
	if err != nil {
		return "", cl.singleton
	}
	defer release()
	name = r.(Namer).TaskName()
	if tasks.CheckName(name) != nil {
		return "", cl.singleton
	}
	return name, cl.singleton
}

// Run implements dispatcher.Handler.
func (h *handler) Run(ctx context.Context, held *tasks.Held) tasks.Outcome {
	cl := h.registry.class(held.TaskClass)
	kw := held.Kwargs
	if kw == nil {
		var err error
		if kw, err = h.conn.store.Kwargs(ctx, held.ID); err != nil {
			return tasks.Outcome{State: tasks.Request, LastLog: "kwargs could not be read: " + err.Error(), Delay: time.Second}
		}
	}
	r := cl.make()
	release, err := h.conn.binder.Decode(ctx, kw, r)
	switch {
	case errors.Is(err, kwargs.ErrTooManyClients), errors.Is(err, kwargs.ErrMembersUnknown):
		return tasks.Outcome{State: tasks.Request, LastLog: err.Error(), Delay: time.Second}
	case err != nil: // the same in every attempt
		return tasks.Outcome{State: tasks.Error, LastLog: err.Error(), Failure: err.Error(), Spent: true}
	}
	defer release()
	return h.run(ctx, cl, r, held)
}

func (h *handler) run(ctx context.Context, cl *class, r Runner, held *tasks.Held) tasks.Outcome {
	t := &TaskContext{conn: h.conn, held: held, max: maxAttempts(cl, held), stopping: h.stopping}
	if cl.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cl.options.Timeout, ErrTimeout)
		defer cancel()
		t.deadline, _ = ctx.Deadline()
	}
	h.mu.Lock()
	h.running[t] = struct{}{}
	h.mu.Unlock()
	defer func() { // also when the handler panics
		h.mu.Lock()
		delete(h.running, t)
		h.mu.Unlock()
		if err := t.flush(context.WithoutCancel(ctx)); err != nil {
			h.log.Warn().Err(err).Stringer("task", held.ID).Msg("the log of a task could not be written")
		}
	}()
	err := loop(ctx, r, t)
	if err == nil {
		return tasks.Outcome{State: tasks.Success, LastLog: orNoLog(t.lastLog())}
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrTimeout) {
		err = fmt.Errorf("%w (%v): %w", ErrTimeout, cl.options.Timeout, err)
	}
	return outcome(cl, held, err)
}

// loop calls Run once, or again and again for a LoopingTask.
func loop(ctx context.Context, r Runner, t *TaskContext) error {
	err := r.Run(ctx, t)
	l, ok := r.(looping)
	if !ok || err != nil {
		return err
	}
	over := time.NewTimer(l.LoopFor() - time.Since(t.held.StartedAt))
	defer over.Stop()
	for {
		pause := time.NewTimer(l.LoopSleep())
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.stopping:
			return nil
		case <-over.C:
			return nil
		case <-pause.C:
		}
		if err := r.Run(ctx, t); err != nil {
			return err
		}
	}
}

// Failed implements dispatcher.Handler.
func (h *handler) Failed(held *tasks.Held, text string) tasks.Outcome {
	return outcome(h.registry.class(held.TaskClass), held, errors.New(text))
}

// outcome decides what becomes of a task whose attempt failed.
func outcome(cl *class, held *tasks.Held, err error) tasks.Outcome {
	text := err.Error()
	attempt, most := held.Attempt+1, maxAttempts(cl, held)
	var s *steering
	if errors.As(err, &s) {
		switch {
		case s.verb == "discard":
			return tasks.Outcome{State: tasks.Aborted, LastLog: text, Failure: text, Spent: true}
		case s.verb == "snooze":
			return tasks.Outcome{State: tasks.Request, LastLog: text, Delay: s.delay}
		case attempt < most || !limited(cl, held):
			return tasks.Outcome{State: tasks.Request, LastLog: text, Failure: text, Delay: s.delay, Spent: true}
		}
	}
	if attempt < most {
		backoff := cl.options.Backoff
		if backoff == nil {
			backoff = DefaultBackoff
		}
		return tasks.Outcome{State: tasks.Request, LastLog: text, Failure: text, Delay: max(backoff(attempt), 0), Spent: true}
	}
	return tasks.Outcome{State: tasks.Error, LastLog: text, Failure: text, Spent: true}
}

// limited reports whether somebody set a limit of attempts.
func limited(cl *class, held *tasks.Held) bool {
	return held.MaxAttempts > 0 || cl.options.MaxAttempts > 0
}

func maxAttempts(cl *class, held *tasks.Held) int {
	if held.MaxAttempts > 0 {
		return held.MaxAttempts
	}
	return max(cl.options.MaxAttempts, 1)
}

func orNoLog(s string) string {
	if s == "" {
		return tasks.NoLog
	}
	return s
}

// flush writes the logs and the progress of everything that runs.
func (h *handler) flush(ctx context.Context) {
	h.mu.Lock()
	ts := make([]*TaskContext, 0, len(h.running))
	for t := range h.running {
		ts = append(ts, t)
	}
	h.mu.Unlock()
	for _, t := range ts {
		if err := t.flush(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn().Err(err).Stringer("task", t.held.ID).Msg("the log of a task could not be written")
		}
	}
}
