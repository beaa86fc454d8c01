package lgtask

import (
	"context"

	"github.com/lgtask/lgtask/tasks"
)

// Errors of KillTask and RetryTask.
var (
	// ErrEnded is returned by KillTask for a task that has ended.
	ErrEnded = tasks.ErrEnded
	// ErrNotEnded is returned by RetryTask for a task that did not fail: it waits, is
	// going, or has succeeded.
	ErrNotEnded = tasks.ErrNotEnded
	// ErrScheduledRun is returned by KillTask for the waiting run of a schedule, which
	// would only be set again: UnscheduleTask ends the schedule.
	ErrScheduledRun = tasks.ErrScheduledRun
	// ErrRunWaits is returned by RetryTask if another run of the task's name waits.
	ErrRunWaits = tasks.ErrRunWaits
)

// KillTask stops a task. One that waits ends as an error at once. The context of one
// that runs is cancelled with cause ErrKilled as soon as its process hears of it, some
// milliseconds later while it listens to the change stream, at most a tenth of a second
// while it is busy. It ends as an error, unless it succeeds all the same. KillTask does
// not wait for that; asking again changes nothing.
//
// Errors: ErrNotFound; ErrEnded; ErrScheduledRun; an error of the driver, after which
// the task may have been asked to stop or not.
func (c *Connection) KillTask(ctx context.Context, id TaskID) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	_, err := c.store.Kill(ctx, id)
	return callError(err)
}

// RetryTask brings back a task that ended as an error or was aborted: it waits again,
// due now, with all its attempts before it. Its errors are kept.
//
// Errors: ErrNotFound; ErrNotEnded; ErrRunWaits; an error of the driver.
func (c *Connection) RetryTask(ctx context.Context, id TaskID) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	return callError(c.store.Retry(ctx, id))
}

// RetryAll does what RetryTask does with all tasks of a class that ended as an error,
// or of any class if it is empty. Of several runs of a name only the newest comes back.
// It returns how many do, and how many do not since another run of their name waits.
func (c *Connection) RetryAll(ctx context.Context, class string) (back, left int, err error) {
	if err := c.prepare(ctx); err != nil {
		return 0, 0, err
	}
	if class != "" {
		if err := tasks.CheckClass(class); err != nil {
			return 0, 0, callError(err)
		}
	}
	back, left, err = c.store.RetryAll(ctx, class)
	return back, left, callError(err)
}
