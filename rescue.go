package lgtask

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/tasks"
)

// straysEvery is how many looks there are for one that asks who holds tasks, and what
// this process does: it is the rarer trouble.
const straysEvery = 3

// rescuer gives back the tasks of processes that died. It belongs to one goroutine.
type rescuer struct {
	store   rescues
	member  *membership
	lookout *lookout
	work    *dispatcher.Dispatcher
	learn   func([]tasks.Process) // is told who is there; may be nil
	log     zerolog.Logger

	holders []string // of tasks, as it saw them last
	looked  int
	unknown map[tasks.ID]bson.ObjectID // own tasks that nobody here knew at the last look, and their tokens
}

// rescues is tasks.Store as a rescuer needs it. The simulation has another.
type rescues interface {
	Processes(context.Context) ([]tasks.Process, error)
	Bury(context.Context, tasks.Process) (bool, error)
	Holders(context.Context) ([]string, error)
	BuryStray(ctx context.Context, holder string) (int, error)
	HeldBy(ctx context.Context, epoch string) ([]tasks.Held, error)
	Finish(context.Context, tasks.Held, tasks.Outcome) error
}

func newRescuer(store rescues, m *membership, work *dispatcher.Dispatcher, log zerolog.Logger) *rescuer {
	return &rescuer{store: store, member: m, lookout: newLookout(m.lease), work: work, log: log}
}

// rescue looks who is there, and gives back the tasks of those who died. That of one
// dead process does not wait for that of another.
func (r *rescuer) rescue(ctx context.Context) error {
	var err error
	if r.looked++; r.looked%straysEvery == 0 { // before the processes, so that a new one is known
		if r.holders, err = r.store.Holders(ctx); err != nil {
			return err
		}
		if err := r.disown(ctx); err != nil {
			return err
		}
	}
	ps, err := r.store.Processes(ctx)
	if err != nil {
		return err
	}
	for i, p := range ps {
		// One of this host that was killed need not be waited for.
		ps[i].Dead = p.Dead || r.member.gone(p)
	}
	if r.learn != nil {
		r.learn(ps)
	}
	dead, strays := r.lookout.look(time.Now(), r.member.epoch(), r.holders, ps)
	var failed error
	for _, p := range dead {
		gone, err := r.store.Bury(ctx, p)
		switch {
		case err != nil:
			failed = err
		case gone:
			how := "a process gave no sign of life for a lease; its tasks go back"
			if p.Dead {
				how = "a process is dead; its tasks go back"
			}
			r.log.Warn().Strs("processors", p.Names).Str("host", p.Host).Int("pid", p.PID).Msg(how)
		}
	}
	for _, holder := range strays {
		r.holders = slices.DeleteFunc(r.holders, func(h string) bool { return h == holder })
		n, err := r.store.BuryStray(ctx, holder)
		switch {
		case err != nil:
			failed = err
		case n > 0:
			r.log.Warn().Str("holder", holder).Int("tasks", n).Msg("tasks of a process that is not there go back")
		}
	}
	return failed
}

// disown gives back tasks that this process holds and does not know of: the copy of a
// claim that the network held up, written after what the other copy had claimed was
// given back. It does so at the second look, for a task may just have ended.
func (r *rescuer) disown(ctx context.Context) error {
	if !slices.Contains(r.holders, r.member.epoch()) {
		r.unknown = nil
		return nil
	}
	held, err := r.store.HeldBy(ctx, r.member.epoch())
	if err != nil {
		return err
	}
	before := r.unknown
	r.unknown = map[tasks.ID]bson.ObjectID{}
	for _, h := range r.work.Unknown(held) {
		r.unknown[h.ID] = h.Token
		if before[h.ID] != h.Token {
			continue
		}
		switch err := r.store.Finish(ctx, h, tasks.Outcome{State: tasks.Request, Unstarted: true}); {
		case err == nil:
			r.log.Warn().Stringer("task", h.ID).Msg("this process held a task that it did not know of; it goes back")
		case !errors.Is(err, tasks.ErrFenced):
			return err
		}
	}
	return nil
}
