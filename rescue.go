package lgtask

import (
	"context"
	"slices"
	"time"
)

const (
	lookTimeout = 5 * time.Second // of a look at the other processes
	straysEvery = 3               // looks, of which one asks who holds tasks: it is the rarer trouble
)

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
	var err error
	if e.looked++; e.looked%straysEvery == 0 { // before the processes, so that a new one is known
		if e.holders, err = store.Holders(ctx); err != nil {
			return err
		}
	}
	ps, err := store.Processes(ctx)
	if err != nil {
		return err
	}
	e.ranks.learn(ps)
	dead, strays := e.lookout.look(time.Now(), e.member.epoch(), e.holders, ps)
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
		e.holders = slices.DeleteFunc(e.holders, func(h string) bool { return h == holder })
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
