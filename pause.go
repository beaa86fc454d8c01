package lgtask

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/lgtask/lgtask/tasks"
)

// ErrNotScheduled is returned by PauseSchedule and ResumeSchedule for a name that has
// no schedule.
var ErrNotScheduled = errors.New("the name is not scheduled")

// WithReason says why a schedule is paused, in up to 1 KiB.
func WithReason(text string) TaskOption {
	return option("WithReason", func(o *callOptions) { o.reason = text })
}

// PauseSchedule ends the runs of an interval or cron task for the time being. Its
// waiting run is aborted, with the last line "paused"; one that is going ends normally
// and is not followed by another. What BatchTask asked for under the name, before or
// meanwhile, runs.
// Pausing is no part of the definition: IntervalTask and CronTask leave it alone, also
// with Replace. A schedule that is paused already keeps its reason. Result.Created
// tells whether it was not.
//
// Errors: ErrNotScheduled; ErrInvalidTask; an error of the driver, after which the call
// may be repeated.
func (c *Connection) PauseSchedule(ctx context.Context, class string, opts ...TaskOption) (Result, error) {
	key, o, err := c.scheduleKey(ctx, "PauseSchedule", class, opts, "WithTaskName", "WithReason")
	if err != nil {
		return Result{}, err
	}
	if err := checkReason(o.reason); err != nil {
		return Result{}, err
	}
	paused, err := c.store.PauseSchedule(ctx, key, o.reason)
	return Result{Created: paused}, scheduleError(key, err)
}

// maxReason is how long the text of WithReason may be, in bytes.
const maxReason = 1 << 10

func checkReason(text string) error {
	if len(text) > maxReason {
		return fmt.Errorf("%w: the reason has %d bytes; at most %d are kept", ErrInvalidTask, len(text), maxReason)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: the reason is not valid UTF-8", ErrInvalidTask)
	}
	return nil
}

// ResumeSchedule has the runs of a paused schedule go on. One that would have been due
// meanwhile is due now, whatever the schedule's policy, once for however many there were;
// else the next one is due when it would have been. Result.ID is the next run,
// Result.Created tells whether the schedule was paused.
//
// If the call gets only half way, the next run of an interval is due now.
//
// Errors: as PauseSchedule.
func (c *Connection) ResumeSchedule(ctx context.Context, class string, opts ...TaskOption) (Result, error) {
	key, _, err := c.scheduleKey(ctx, "ResumeSchedule", class, opts, "WithTaskName")
	if err != nil {
		return Result{}, err
	}
	sc, err := c.store.ResumeSchedule(ctx, key)
	if err != nil {
		return Result{}, scheduleError(key, err)
	}
	was := sc.Paused
	sc.Paused = nil
	due, err := c.dueAgain(ctx, sc, was)
	if err != nil {
		return Result{}, err
	}
	id, _, err := c.store.EnsureRun(ctx, sc, due)
	return Result{ID: id, Created: was != nil}, callError(err)
}

// dueAgain returns when the next run of a schedule is due that has none.
func (c *Connection) dueAgain(ctx context.Context, sc tasks.Schedule, was *tasks.Pause) (time.Time, error) {
	now, err := c.store.Now(ctx)
	switch {
	case err != nil:
		return now, err
	case was != nil && !was.Due.IsZero():
		if was.Due.Before(now) {
			return now, nil
		}
		return was.Due, nil
	case sc.Spec.Cron != "":
		return nextRun(sc, now, now, now)
	}
	return now, nil
}

func (c *Connection) scheduleKey(ctx context.Context, call, class string, opts []TaskOption, allowed ...string) (string, callOptions, error) {
	o, err := collect(call, opts, allowed...)
	if err == nil {
		err = callError(tasks.CheckClass(class))
	}
	if err == nil {
		err = c.prepare(ctx)
	}
	name := ""
	if o.taskName != nil {
		name = *o.taskName
	}
	return tasks.Key(class, name), o, err
}

func scheduleError(key string, err error) error {
	if errors.Is(err, tasks.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNotScheduled, key)
	}
	return callError(err)
}
