package lgtask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/timers"
)

// IntervalTask schedules a class to run again and again. every is the time from
// the end of a run to the start of the next (with FromStart: from start to
// start), at least a second. The first run is due now, or at StartAt.
//
// A schedule of the same name and definition changes nothing. Errors:
// ErrTaskExists if the name is scheduled with another definition, naming the
// field that differs, unless Replace is given; ErrTaskKwargs if a run of the name
// waits or is going with other kwargs; ErrInvalidTime; ErrInvalidTask.
func (c *Connection) IntervalTask(ctx context.Context, every When, class string, kwargs any, opts ...TaskOption) (Result, error) {
	period, err := every.period()
	if err != nil {
		return Result{}, err
	}
	o, err := collect("IntervalTask", opts, "WithTaskName", "WithPriority", "StartAt", "FromStart", "Replace", "WithMissed", "WithOverlap")
	if err != nil {
		return Result{}, err
	}
	spec := tasks.ScheduleSpec{EveryMS: period.Milliseconds(), FromStart: o.fromStart}
	return c.schedule(ctx, spec, class, kwargs, &o, func(now time.Time) (time.Time, error) {
		if o.startAt == nil {
			return now, nil
		}
		return o.startAt.due(now)
	})
}

// CronTask schedules a class by a cron spec of five fields or @hourly to
// @yearly, in UTC unless it begins with "CRON_TZ=Zone ". A fixed time that the
// clock skips in spring runs once right after the gap, one that comes twice in
// autumn runs once; see timers.Cron. Errors: as IntervalTask.
func (c *Connection) CronTask(ctx context.Context, spec, class string, kwargs any, opts ...TaskOption) (Result, error) {
	cron, err := timers.ParseCron(spec)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrInvalidTime, err)
	}
	o, err := collect("CronTask", opts, "WithTaskName", "WithPriority", "Replace", "WithMissed", "WithOverlap")
	if err != nil {
		return Result{}, err
	}
	return c.schedule(ctx, tasks.ScheduleSpec{Cron: cron.Spec(), TZ: cron.Zone()}, class, kwargs, &o, func(now time.Time) (time.Time, error) {
		return cron.Next(now), nil
	})
}

func (c *Connection) schedule(ctx context.Context, spec tasks.ScheduleSpec, class string, kwargs any, o *callOptions,
	first func(now time.Time) (time.Time, error)) (Result, error) {
	if err := c.prepare(ctx); err != nil {
		return Result{}, err
	}
	t := tasks.Task{TaskClass: class}
	if err := c.fill(&t, kwargs, o); err != nil {
		return Result{}, err
	}
	missed, err := o.policies(spec)
	if err != nil {
		return Result{}, err
	}
	now, err := c.store.Now(ctx)
	if err != nil {
		return Result{}, err
	}
	due, err := first(now)
	if err != nil {
		return Result{}, err
	}
	sc, written, err := c.put(ctx, tasks.Schedule{
		Key: tasks.Key(class, t.TaskName), TaskClass: class, TaskName: t.TaskName, Kwargs: t.Kwargs,
		Spec: spec, Missed: missed, Overlap: string(o.overlap), Priority: t.Priority,
	}, o.replace)
	if err != nil {
		return Result{}, callError(err)
	}
	return c.firstRun(ctx, sc, written, o.replace, due)
}

// put writes a schedule. If it replaces another one, that one's waiting run is
// cancelled; a waiting batch of a name that was not scheduled stays.
func (c *Connection) put(ctx context.Context, sc tasks.Schedule, replace bool) (put tasks.Schedule, written bool, err error) {
	replaces := false
	if replace {
		_, err := c.store.Schedule(ctx, sc.Key)
		if err != nil && !errors.Is(err, tasks.ErrNotFound) {
			return sc, false, err
		}
		replaces = err == nil
	}
	put, written, err = c.store.PutSchedule(ctx, sc, replace)
	if err == nil && written && replaces {
		_, _, err = c.store.CancelWaiting(ctx, sc.Key, "replaced")
	}
	return put, written, err
}

// firstRun makes sure of a schedule's next run. A schedule whose first run is
// refused for other kwargs is taken back.
func (c *Connection) firstRun(ctx context.Context, sc tasks.Schedule, written, replace bool, due time.Time) (Result, error) {
	id, created, err := c.store.EnsureRun(ctx, sc, due)
	var conflict *tasks.KwargsConflictError
	if errors.As(err, &conflict) && replace && conflict.State == tasks.Request {
		// A batch waits, or the old run does since an earlier call got only
		// half way.
		if _, _, err := c.store.CancelWaiting(ctx, sc.Key, "replaced"); err != nil {
			return Result{}, err
		}
		id, created, err = c.store.EnsureRun(ctx, sc, due)
	}
	if errors.As(err, &conflict) && replace {
		return Result{ID: conflict.ID, Created: written}, nil // the old run is going; its successor is ours
	}
	if errors.As(err, &conflict) && written {
		if rerr := c.store.Retract(ctx, sc); rerr != nil {
			return Result{}, rerr
		}
	}
	return Result{ID: id, Created: err == nil && (created || written)}, callError(err)
}

// UnscheduleTask removes the schedule of a name and aborts its waiting run, or
// the waiting batch of that name. A run that is going ends normally. Plain and
// delayed tasks stay. What does not exist is no error. Result.ID is the run that
// was aborted, if any.
func (c *Connection) UnscheduleTask(ctx context.Context, class string, opts ...TaskOption) (Result, error) {
	o, err := collect("UnscheduleTask", opts, "WithTaskName")
	if err != nil {
		return Result{}, err
	}
	if err := tasks.CheckClass(class); err != nil {
		return Result{}, callError(err)
	}
	if err := c.prepare(ctx); err != nil {
		return Result{}, err
	}
	name := ""
	if o.taskName != nil {
		name = *o.taskName
	}
	key := tasks.Key(class, name)
	// The schedule first: who inserts a successor looks for it again afterwards.
	if _, err := c.store.RemoveSchedule(ctx, key); err != nil {
		return Result{}, err
	}
	id, _, err := c.store.CancelWaiting(ctx, key, "unscheduled")
	return Result{ID: id}, err
}
