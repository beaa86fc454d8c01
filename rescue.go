package lgtask

import (
	"context"
	"time"
)

// lookTimeout bounds a look at the other processes.
const lookTimeout = 5 * time.Second

// lookAround looks who is there, and gives back the tasks of those who died.
func (e *engine) lookAround(ctx context.Context) {
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := e.rescue(looking); err != nil && ctx.Err() == nil {
		e.log.Debug().Err(err).Msg("cannot look for other processes")
	}
}

// rescue does it. That of one dead process does not wait for that of another.
func (e *engine) rescue(ctx context.Context) error {
	store := e.conn.store
	holders, err := store.Holders(ctx)
	if err != nil {
		return err
	}
	ps, err := store.Processes(ctx)
	if err != nil {
		return err
	}
	e.ranks.learn(ps)
	dead, strays := e.lookout.look(time.Now(), e.member.epoch(), holders, ps)
	var failed error
	for _, p := range dead {
		gone, err := store.Bury(ctx, p)
		switch {
		case err != nil:
			failed = err
		case gone:
			e.log.Warn().Strs("processors", p.Names).Str("host", p.Host).Int("pid", p.PID).
				Msg("a process gave no sign of life for a lease; its tasks go back")
		}
	}
	for _, holder := range strays {
		n, err := store.BuryStray(ctx, holder)
		switch {
		case err != nil:
			failed = err
		case n > 0:
			e.log.Warn().Str("holder", holder).Int("tasks", n).Msg("tasks of a process that is not there go back")
		}
	}
	return failed
}
