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

// flushTimeout bounds the writing of the last lines of a log: a database that is
// gone must not hold up the end of the run.
const flushTimeout = 10 * time.Second

// handler runs claimed tasks for the dispatcher.
type handler struct {
	conn     *Connection
	registry *Registry
	classes  []string
	stopping <-chan struct{}
	log      zerolog.Logger

	attempts int               // Config.MaxAttempts
	overdue  func(*tasks.Held) // told of a run whose time is over
	show     bool              // log the start and the end of each run, for development

	mu      sync.Mutex
	running map[*TaskContext]struct{}
	logged  map[tasks.ID]bool // tasks held here that have a log

	flushing trouble
}

func newHandler(conn *Connection, r *Registry, classes []string, stopping <-chan struct{}, log zerolog.Logger) *handler {
	return &handler{conn: conn, registry: r, classes: classes, stopping: stopping, log: log,
		flushing: trouble{log: log, what: "write the logs of tasks"},
		running:  map[*TaskContext]struct{}{}, logged: map[tasks.ID]bool{}}
}

// keepsRunning reports whether tasks of a class go on when others may have taken
// this process for dead.
func (h *handler) keepsRunning(class string) bool {
	cl := h.registry.class(class)
	return cl != nil && cl.options.KeepRunning
}

// Classes implements dispatcher.Handler.
func (h *handler) Classes() []string { return h.classes }

// Identity implements dispatcher.Handler. A task whose name cannot be computed
// is claimed without one, and the run says why: it never gets to the class's Run.
func (h *handler) Identity(c *tasks.Candidate) (name string, singleton bool) {
	cl := h.registry.class(c.TaskClass)
	if cl == nil {
		return c.TaskName, false
	}
	if c.TaskName != "" || !cl.named {
		return c.TaskName, cl.singleton
	}
	if c.Kwargs == nil {
		return "", false
	}
	r := cl.make()
	release, err := h.conn.binder.Decode(context.Background(), c.Kwargs, r)
	if err != nil {
		return "", false
	}
	defer release()
	if name, err = nameOf(r.(Namer)); err != nil {
		return "", false
	}
	return name, cl.singleton
}

// nameOf returns the name that a class computes. A method that panics, say on a
// kwarg that is missing, must not take the processor with it.
func nameOf(n Namer) (name string, err error) {
	defer func() {
		if p := recover(); p != nil {
			name, err = "", fmt.Errorf("the class's method TaskName panicked: %v", p)
		}
	}()
	name = n.TaskName()
	if err := tasks.CheckName(name); err != nil {
		return "", fmt.Errorf("the class's method TaskName: %w", err)
	}
	return name, nil
}

// Run implements dispatcher.Handler.
func (h *handler) Run(ctx context.Context, held *tasks.Held) tasks.Outcome {
	if o, left := h.missed(ctx, held); left {
		return o
	}
	cl := h.registry.class(held.TaskClass)
	kw := held.Kwargs
	if kw == nil {
		var err error
		var invalid *tasks.InvalidError
		switch kw, err = h.conn.store.Kwargs(ctx, held.ID); {
		case errors.As(err, &invalid):
			return hopeless(err)
		case err != nil:
			return later("kwargs could not be read: " + err.Error())
		}
	}
	r := cl.make()
	release, err := h.conn.binder.Decode(ctx, kw, r)
	switch {
	case errors.Is(err, kwargs.ErrTooManyClients), errors.Is(err, kwargs.ErrMembersUnknown), errors.Is(err, kwargs.ErrClosed):
		return later(err.Error())
	case err != nil:
		return hopeless(err)
	}
	defer release()
	if cl.singleton && held.Key == "" { // see Identity
		if _, err := nameOf(r.(Namer)); err != nil {
			return hopeless(err)
		}
		return later("the name of this run could not be computed when it was claimed")
	}
	return h.run(ctx, cl, r, held)
}

func (h *handler) run(ctx context.Context, cl *class, r Runner, held *tasks.Held) tasks.Outcome {
	t := &TaskContext{conn: h.conn, held: held, max: h.maxAttempts(cl, held), stopping: h.stopping}
	if cl.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cl.options.Timeout, ErrTimeout)
		defer cancel()
		t.deadline, _ = ctx.Deadline()
		late := time.AfterFunc(cl.options.Timeout, func() { h.overdue(held) })
		defer late.Stop()
	}
	h.mu.Lock()
	h.running[t] = struct{}{}
	h.mu.Unlock()
	defer func() { // also when the handler panics
		h.mu.Lock()
		delete(h.running, t)
		if t.logs() {
			h.logged[held.ID] = true
		}
		h.mu.Unlock()
		if !t.unwritten() {
			return
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := t.flush(last, true); err != nil {
			h.flushing.note(err)
			h.log.Debug().Err(err).Stringer("task", held.ID).Msg("the log of a task lacks its end")
		}
	}()
	if h.show {
		h.log.Info().Str("class", held.TaskClass).Stringer("task", held.ID).Msg("a task begins")
	}
	o := h.outcome(ctx, cl, r, t)
	if h.show {
		h.log.Info().Str("class", held.TaskClass).Stringer("task", held.ID).Str("state", string(o.State)).Str("log", o.LastLog).Msg("a task has ended")
	}
	return o
}

// outcome runs the class's Run and says what becomes of the task.
func (h *handler) outcome(ctx context.Context, cl *class, r Runner, t *TaskContext) tasks.Outcome {
	err := loop(ctx, r, t)
	if err == nil {
		return tasks.Outcome{State: tasks.Success, LastLog: orNoLog(t.lastLog())}
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrTimeout) {
		err = fmt.Errorf("%w (%v): %w", ErrTimeout, cl.options.Timeout, err)
	}
	return h.outcomeOf(cl, t.held, err)
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
		// Of several that are ready, select takes any.
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case closed(t.stopping), time.Since(t.held.StartedAt) >= l.LoopFor():
			return nil
		}
		if err := r.Run(ctx, t); err != nil {
			return err
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Failed implements dispatcher.Handler.
func (h *handler) Failed(held *tasks.Held, text string) tasks.Outcome {
	return h.outcomeOf(h.registry.class(held.TaskClass), held, errors.New(text))
}

// finished is told of the end of a task and reports whether the task has a log
// from here.
func (h *handler) finished(id tasks.ID) (logged bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	logged = h.logged[id]
	delete(h.logged, id)
	return logged
}

func orNoLog(s string) string {
	if s == "" {
		return tasks.NoLog
	}
	return s
}

// flush writes the logs and the progress of everything that runs. What does not get
// through is written the next time.
func (h *handler) flush(ctx context.Context) {
	h.mu.Lock()
	ts := make([]*TaskContext, 0, len(h.running))
	for t := range h.running {
		ts = append(ts, t)
	}
	h.mu.Unlock()
	flushing, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	var failed error
	for _, t := range ts {
		if err := t.flush(flushing, false); err != nil {
			failed = err
		}
	}
	if len(ts) > 0 && ctx.Err() == nil {
		h.flushing.note(failed)
	}
}
