package lgtask

import (
	"context"
	"errors"

	"github.com/lgtask/lgtask/tasks"
)

// audit puts right what is wrong with the runs of schedules: one that has none gets its
// next, that of a paused one is taken away, and that of an interval which the server's
// clock, set back, has left in the future comes back from there.
func (e *engine) audit(ctx context.Context) error {
	scs, err := e.conn.store.Schedules(ctx, e.handler.classes)
	if err != nil {
		return err
	}
	active := scs[:0]
	for _, sc := range scs {
		if sc.Paused == nil {
			active = append(active, sc)
		} else if err := e.conn.store.HoldPaused(ctx, sc); err != nil {
			return err
		}
	}
	now, err := e.conn.store.Now(ctx)
	if err != nil {
		return err
	}
	without, far, err := e.conn.store.Audit(ctx, active, now)
	if err != nil {
		return err
	}
	for _, sc := range without {
		if err := e.setAgain(ctx, sc); err != nil {
			return err
		}
	}
	for _, r := range far {
		moved, err := e.conn.store.PullIn(ctx, r, now)
		if err != nil {
			return err
		}
		if moved {
			e.log.Warn().Str("schedule", r.Schedule.Key).Msg("the next run of an interval was due later than an interval from now, as after a clock was set back; it is due then")
		}
	}
	return nil
}

// setAgain inserts the next run of a schedule that has none.
func (e *engine) setAgain(ctx context.Context, sc tasks.Schedule) error {
	due := e.conn.store.Clock()
	if sc.Spec.Cron != "" {
		var err error
		if due, err = nextRun(sc, due, due, due); err != nil {
			e.log.Error().Err(err).Str("schedule", sc.Key).Msg("a schedule cannot be read")
			return nil
		}
	}
	_, created, err := e.conn.store.EnsureRun(ctx, sc, due)
	var conflict *tasks.KwargsConflictError
	if err != nil && !errors.As(err, &conflict) {
		return err
	}
	if created {
		e.log.Warn().Str("schedule", sc.Key).Time("due", due).Msg("the next run of a schedule had vanished; it is set again")
	}
	return nil
}
