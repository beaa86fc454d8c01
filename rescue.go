package lgtask

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// straysEvery is how many looks there are for one that asks who holds tasks, and what
// this process does: it is the rarer trouble.
const straysEvery = 3

// rescue looks who is there, and gives back the tasks of those who died. That of one
// dead process does not wait for that of another.
func (e *engine) rescue(ctx context.Context) error {
	store := e.conn.store
	var err error
	if e.looked++; e.looked%straysEvery == 0 { // before the processes, so that a new one is known
		if e.holders, err = store.Holders(ctx); err != nil {
			return err
		}
		if err := e.disown(ctx); err != nil {
			return err
		}
	}
	ps, err := store.Processes(ctx)
	if err != nil {
		return err
	}
	for i, p := range ps {
		// One of this host that was killed need not be waited for.
		ps[i].Dead = p.Dead || identity(p).Gone(e.member.self)
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
			how := "a process gave no sign of life for a lease; its tasks go back"
			if p.Dead {
				how = "a process is dead; its tasks go back"
			}
			e.log.Warn().Strs("processors", p.Names).Str("host", p.Host).Int("pid", p.PID).Msg(how)
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

// disown gives back tasks that this process holds and does not know of: the copy of a
// claim that the network held up, written after what the other copy had claimed was
// given back. It does so at the second look, for a task may just have ended.
func (e *engine) disown(ctx context.Context) error {
	if !slices.Contains(e.holders, e.member.epoch()) {
		e.unknown = nil
		return nil
	}
	held, err := e.conn.store.HeldBy(ctx, e.member.epoch())
	if err != nil {
		return err
	}
	before := e.unknown
	e.unknown = map[tasks.ID]bson.ObjectID{}
	for _, h := range e.dispatcher.Unknown(held) {
		e.unknown[h.ID] = h.Token
		if before[h.ID] != h.Token {
			continue
		}
		switch err := e.conn.store.Finish(ctx, h, tasks.Outcome{State: tasks.Request, Unstarted: true}); {
		case err == nil:
			e.log.Warn().Stringer("task", h.ID).Msg("this process held a task that it did not know of; it goes back")
		case !errors.Is(err, tasks.ErrFenced):
			return err
		}
	}
	return nil
}
