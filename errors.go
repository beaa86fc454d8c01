package lgtask

import (
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/kwargs"
	"github.com/lgtask/lgtask/tasks"
)

// Errors of the calls. Each is wrapped with what is wrong; test with errors.Is.
var (
	// ErrTaskKwargs is returned by BatchTask, IntervalTask and CronTask when a
	// run of the name waits or is going with other kwargs.
	ErrTaskKwargs = errors.New("the name has a run with other kwargs")

	// ErrTaskExists is returned by IntervalTask and CronTask when the name is
	// scheduled with another definition, and by calls with WithID when a task of
	// that ID has another class or other kwargs.
	ErrTaskExists = errors.New("the task exists with another definition")

	// ErrInvalidTime is returned for a time, interval or cron spec that cannot
	// be used.
	ErrInvalidTime = errors.New("invalid time")

	// ErrInvalidTask is returned for a class, name, option or kwargs that a task
	// must not have.
	ErrInvalidTask = errors.New("invalid task")

	// ErrNotFound is returned by reads when there is no such task.
	ErrNotFound = tasks.ErrNotFound

	// ErrNotDrained is returned by Processor.Drain when its context ended first.
	ErrNotDrained = errors.New("not drained")

	// ErrStarted is returned by Processor.Start when it was called before.
	ErrStarted = errors.New("the processor was started before; make a new one")

	// ErrLeaseLost is the cause of a task's context when its process has reached the
	// database with no sign of life for 25 s: others take it for dead at 30 s, and run
	// its tasks. What the task returns still counts if nobody has it by then. It is
	// also the end of a processor whose name was given to another process meanwhile.
	ErrLeaseLost = dispatcher.ErrLeaseLost

	// ErrStuck is the end of a processor whose handler did not return within 10 s after
	// the end of its context, if Config.OnStuck says exit. If it does not return during
	// the stop either, the end is a *dispatcher.StuckError.
	ErrStuck = errors.New("a handler ignored the end of its context")

	// ErrUnreachable is returned by Connect and Processor.Start when MongoDB
	// cannot be used: unreachable, refusing the credentials, or a server without
	// change streams. The text says which and what to do.
	ErrUnreachable = errors.New("cannot use MongoDB")

	// ErrUnboundHandle is returned when kwargs hold a MongoDB handle whose
	// address is not known; see Connection.Bind.
	ErrUnboundHandle = kwargs.ErrUnboundHandle
)

// ErrUnknownOutcome is returned by CreateTask, DelayedTask and CreateTasks when
// the task may have been created, or may yet be: the call was given up, or the
// connection broke, before the majority of the servers confirmed it. Unwrap
// returns the reason, so that errors.Is tells whether it was the context's end.
//
// Repeating the call WithID(err.ID) is safe, whatever happened.
type ErrUnknownOutcome struct {
	ID  TaskID // of the task
	Err error
}

// Error implements error.
func (e *ErrUnknownOutcome) Error() string {
	return fmt.Sprintf("task %s may have been created or not: %v; repeat the call WithID to make sure", e.ID, e.Err)
}

// Unwrap returns the reason.
func (e *ErrUnknownOutcome) Unwrap() error { return e.Err }

// Causes of the end of a task's context; see context.Cause.
var (
	ErrStopping = dispatcher.ErrStopping // the processor stops
	ErrKilled   = dispatcher.ErrKilled   // somebody asked for the task to be stopped
	ErrTimeout  = errors.New("the task ran longer than its class allows")
)

// steering is a handler's returned error that decides what becomes of its task.
type steering struct {
	verb  string // "retry", "discard", "snooze", "fail"
	delay time.Duration
	err   error
}

func (s *steering) Error() string {
	if s.err == nil {
		return s.verb
	}
	return s.err.Error()
}

func (s *steering) Unwrap() error { return s.err }

// RetryAfter makes a failed attempt be followed by another after the given
// time. It is bounded only by a limit of attempts that was set, on the task or
// its class.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		err = errors.New("the handler asked for another attempt")
	}
	return &steering{verb: "retry", delay: bounded(d), err: err}
}

// Discard ends the task as aborted, whatever attempts remain.
func Discard(err error) error {
	if err == nil {
		err = errors.New("the handler discarded the task")
	}
	return &steering{verb: "discard", err: err}
}

// failTask ends the task as an error, whatever attempts remain.
func failTask(err error) error { return &steering{verb: "fail", err: err} }

// Snooze gives the task back to run again after the given time. It spends no
// attempt and is no failure.
func Snooze(d time.Duration) error {
	return &steering{verb: "snooze", delay: bounded(d), err: fmt.Errorf("snoozed for %v", d)}
}

// bounded makes a wait one that can be added to a date: not negative, and at
// most a century.
func bounded(d time.Duration) time.Duration { return min(max(d, 0), 100*365*24*time.Hour) }

// callError gives errors of the inner packages the names of this one.
func callError(err error) error {
	var invalid *tasks.InvalidError
	var conflict *tasks.KwargsConflictError
	var exists *tasks.ScheduleExistsError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: %w", ErrInvalidTask, err)
	case errors.As(err, &conflict):
		return fmt.Errorf("%w: %w", ErrTaskKwargs, err)
	case errors.As(err, &exists):
		return fmt.Errorf("%w: %w", ErrTaskExists, err)
	}
	return err
}
