package dispatcher

import (
	"context"

	"github.com/lgtask/lgtask/tasks"
)

// planned is a candidate with the name it must run under.
type planned struct {
	tasks.Candidate
	key  string // runningKey of the claim, "" if none
	name string // taskName
}

func (l *loop) plan(c tasks.Candidate) planned {
	name, singleton := l.o.Handler.Identity(&c)
	p := planned{Candidate: c, name: name}
	switch {
	case c.RunningKey != "":
		p.key = c.RunningKey
	case c.PendingKey != "":
		p.key = c.PendingKey
	case singleton:
		p.key = tasks.Key(c.TaskClass, name)
	}
	return p
}

// claim claims candidates, at most as many as processors are free, and starts
// those that were won. The caller has counted them in l.claims; each is taken
// off when it runs or is known not to.
func (l *loop) claim(ctx context.Context, cs []tasks.Candidate) error {
	var alone []planned
	var together []tasks.Candidate
	for _, c := range cs {
		p := l.plan(c)
		if p.key == "" && p.name == c.TaskName {
			together = append(together, c)
		} else {
			alone = append(alone, p)
		}
	}
	left := len(cs)
	defer func() { l.settle(left) }() // an error leaves the rest unclaimed
	if len(together) > 0 {
		if err := l.claimTogether(ctx, together); err != nil {
			return err
		}
		left -= len(together)
	}
	for _, p := range alone {
		if err := l.claimAlone(ctx, p); err != nil {
			return err
		}
		left--
	}
	return nil
}

// settle takes n candidates off the claims in flight.
func (l *loop) settle(n int) {
	if n == 0 {
		return
	}
	l.mu.Lock()
	l.claims -= n
	l.notifyLocked()
	l.mu.Unlock()
}

func (l *loop) claimTogether(ctx context.Context, cs []tasks.Candidate) error {
	ids := make([]tasks.ID, len(cs))
	for i, c := range cs {
		ids[i] = c.ID
	}
	names := l.free[:len(cs)]
	cl := tasks.NewClaim("", l.o.Holder)
	won, err := l.o.Claims.ClaimMany(ctx, ids, names, cl)
	if err != nil {
		return err
	}
	var back []string
	for i, c := range cs {
		cl.Processor = names[i]
		if !won[c.ID] {
			back = append(back, names[i])
			l.lost(c)
			l.settle(1)
			continue
		}
		l.start(planned{Candidate: c, name: c.TaskName}, cl)
	}
	l.free = append(back, l.free[len(cs):]...)
	l.count(len(cs), len(cs)-len(back), 0)
	return nil
}

func (l *loop) claimAlone(ctx context.Context, p planned) error {
	cl := tasks.NewClaim(l.free[0], l.o.Holder)
	v, err := l.o.Claims.Claim(ctx, p.Candidate, cl, p.key, p.name)
	if err == nil && v == tasks.Blocked {
		v, err = l.blockedClaim(ctx, p, cl)
	}
	if err != nil {
		return err
	}
	switch v {
	case tasks.Won:
		l.free = l.free[1:]
		l.start(p, cl)
		l.count(1, 1, 0)
	case tasks.Lost:
		l.lost(p.Candidate)
		l.settle(1)
		l.count(1, 0, 0)
	case tasks.Blocked:
		l.settle(1)
		l.count(1, 0, 1)
	}
	return nil
}

// blockedClaim handles a name that is going; see the package doc.
func (l *loop) blockedClaim(ctx context.Context, p planned, cl tasks.Claim) (tasks.Verdict, error) {
	if p.PendingKey == "" {
		refused, err := l.o.Claims.RefuseSingleton(ctx, p.Candidate, p.key)
		if err != nil || refused {
			return tasks.Blocked, err
		}
		v, err := l.o.Claims.Claim(ctx, p.Candidate, cl, p.key, p.name)
		if v == tasks.Blocked {
			l.Wake() // the name was taken again at once: the next sweep decides
		}
		return v, err
	}
	l.mu.Lock()
	l.blocked[p.key] = true
	l.mu.Unlock()
	v, err := l.o.Claims.Claim(ctx, p.Candidate, cl, p.key, p.name)
	if err != nil || v != tasks.Blocked {
		l.Unblock(p.key)
	}
	return v, err
}

func (l *loop) lost(c tasks.Candidate) {
	if l.o.Lost != nil {
		l.o.Lost(c)
	}
}

func (l *loop) count(asked, won, blocked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Asked += int64(asked)
	l.stats.Won += int64(won)
	l.stats.Blocked += int64(blocked)
	l.stats.Lost += int64(asked - won - blocked)
}
