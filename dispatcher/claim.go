package dispatcher

import (
	"context"
	"slices"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// planned is a candidate with the name it must run under.
type planned struct {
	tasks.Candidate
	key     string // runningKey of the claim, "" if none
	name    string // taskName
	failure string // why the name could not be computed
}

// unknown is the verdict of a claim that may have been written although nobody
// told us.
const unknown tasks.Verdict = -1

// plan gives each candidate its name. Handlers compute it with code of their
// own, so the goroutine is one that may be lost.
func (l *loop) plan(cs []tasks.Candidate) []planned {
	ps := make([]planned, 0, len(cs))
	for len(ps) < len(cs) {
		failure := guard("the computation of the task's name", func() {
			for _, c := range cs[len(ps):] {
				name, singleton := l.o.Handler.Identity(&c)
				ps = append(ps, planned{Candidate: c, key: keyOf(&c, name, singleton), name: name})
			}
		})
		if failure != "" {
			c := cs[len(ps)]
			ps = append(ps, planned{Candidate: c, key: keyOf(&c, "", false), name: c.TaskName, failure: failure})
		}
	}
	return ps
}

func keyOf(c *tasks.Candidate, name string, singleton bool) string {
	switch {
	case c.RunningKey != "":
		return c.RunningKey
	case c.PendingKey != "":
		return c.PendingKey
	case singleton:
		return tasks.Key(c.TaskClass, name)
	}
	return ""
}

// claim claims candidates, at most as many as processors are free, and starts
// those that were won.
func (l *loop) claim(ctx context.Context, cs []tasks.Candidate) {
	if l.isFenced() { // meanwhile; Unfence has it look again
		cs = nil
	}
	var alone, together, early []planned
	for _, p := range l.plan(cs) {
		switch {
		case p.key != "" || p.name != p.TaskName:
			alone = append(alone, p)
		case !p.Due(l.now):
			early = append(early, p)
		default:
			together = append(together, p)
		}
	}
	names := l.takeNames(1, len(alone))
	l.claimEarly(ctx, early)
	if len(together) > 0 {
		l.claimTogether(ctx, together)
		l.collect() // each of the others may take several statements
	}
	for _, p := range alone {
		if len(names) == 0 {
			names = l.takeNames(1, 1)
		}
		if len(names) == 0 { // only its class could tell that it has a name
			l.hold()
			break
		}
		if ctx.Err() != nil || l.isFenced() {
			break
		}
		l.claimAlone(ctx, p, names[0])
		names = names[1:]
		l.collect()
	}
	for _, name := range names {
		l.freeName(name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.claiming) > 0 {
		clear(l.claiming)
		l.notifyLocked()
	}
}

// claimTogether claims candidates that need no name, by one statement, or by two
// at the same time if there are many: the server works on one statement with one
// thread. If there is not a free processor for each, or if they are many and short,
// they are claimed ahead: which processor runs which is decided when they start. To
// write down another for each costs the server a third more time.
func (l *loop) claimTogether(ctx context.Context, ps []planned) {
	var names []string
	if len(ps) < manyShort || !l.allShort(ps) {
		names = l.takeNames(len(ps), len(ps))
	}
	if names != nil || len(ps) < splitFrom {
		l.concludeAll(ctx, l.sendClaims(ctx, ps, names))
	} else {
		half := len(ps) / 2
		other := make(chan claimed, 1)
		go func() { other <- l.sendClaims(ctx, ps[half:], nil) }()
		l.concludeAll(ctx, l.sendClaims(ctx, ps[:half], nil))
		l.concludeAll(ctx, <-other)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took += (time.Since(l.asked) - l.took) / 4
}

// claimEarly claims candidates that are not due yet, for processors that wait for
// their instants.
func (l *loop) claimEarly(ctx context.Context, ps []planned) {
	names := l.takeNames(1, len(ps))
	if ps = ps[:len(names)]; len(ps) > 0 {
		l.concludeAll(ctx, l.sendClaims(ctx, ps, names))
		l.collect()
	}
}

func (l *loop) newClaim(name string) tasks.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tasks.NewClaim(name, l.holder)
}

// due returns the instants of candidates that are to be claimed before them.
func (l *loop) due(ps ...planned) (due []time.Time) {
	for _, p := range ps {
		if !p.Due(l.now) {
			due = append(due, p.TsRequest)
		}
	}
	return due
}

const (
	splitFrom = 200 // claims that are sent by two statements
	manyShort = 64  // claims of short tasks that need not each have its processor
)

func (l *loop) allShort(ps []planned) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(ps, func(p planned) bool { return !l.shortLocked(&p.Candidate) })
}

// claimed is what became of claims that were sent together.
type claimed struct {
	ps       []planned
	names    []string // a processor for each, or nil
	cl       tasks.Claim
	won      map[tasks.ID]bool
	failures int
	err      error
}

func (l *loop) sendClaims(ctx context.Context, ps []planned, names []string) claimed {
	c := claimed{ps: ps, names: names, cl: l.newClaim("")}
	c.cl.Early = l.due(ps...)
	ids := make([]tasks.ID, len(ps))
	for i, p := range ps {
		ids[i] = p.ID
	}
	c.failures, c.err = l.persist(ctx, l.work, "claim tasks", func(ctx context.Context) (err error) {
		c.won, err = l.o.Claims.ClaimMany(ctx, ids, names, c.cl)
		return err
	})
	return c
}

func (l *loop) concludeAll(ctx context.Context, c claimed) {
	for i, p := range c.ps {
		cl, v := c.cl, tasks.Lost
		if c.names != nil {
			cl.Processor = c.names[i]
		}
		if c.won[p.ID] {
			v = tasks.Won
		}
		l.conclude(ctx, p, cl, verdict(v, c.failures, c.err))
	}
}

// claimAlone claims a candidate that needs a name.
func (l *loop) claimAlone(ctx context.Context, p planned, name string) {
	cl := l.newClaim(name)
	cl.Early = l.due(p)
	v := l.sendClaim(ctx, p, cl)
	if v == tasks.Blocked {
		v = l.blockedClaim(ctx, p, cl)
	}
	l.conclude(ctx, p, cl, v)
}

func (l *loop) sendClaim(ctx context.Context, p planned, cl tasks.Claim) (v tasks.Verdict) {
	failures, err := l.persist(ctx, l.work, "claim tasks", func(ctx context.Context) (err error) {
		v, err = l.o.Claims.Claim(ctx, p.Candidate, cl, p.key, p.name)
		return err
	})
	return verdict(v, failures, err)
}

// verdict is v unless errors make it doubtful: without an answer the claim may
// have been written, and with an answer after an error too, if the task was
// killed between the two.
func verdict(v tasks.Verdict, failures int, err error) tasks.Verdict {
	if err != nil || v == tasks.Lost && failures > 0 {
		return unknown
	}
	return v
}

// blockedClaim handles a name that is going; see the package doc.
func (l *loop) blockedClaim(ctx context.Context, p planned, cl tasks.Claim) tasks.Verdict {
	if p.PendingKey != "" {
		l.mu.Lock()
		l.blocked[p.key] = true
		l.mu.Unlock()
		v := l.sendClaim(ctx, p, cl)
		if v != tasks.Blocked {
			l.Unblock(p.key)
		}
		return v
	}
	var refused bool
	_, err := l.persist(ctx, ctx, "refuse a second singleton", func(ctx context.Context) (err error) {
		refused, err = l.o.Claims.RefuseSingleton(ctx, p.Candidate, p.key)
		return err
	})
	if err != nil || refused {
		return tasks.Blocked
	}
	v := l.sendClaim(ctx, p, cl)
	if v == tasks.Blocked {
		l.Wake() // the name was taken again at once: the next sweep decides
	}
	return v
}

// conclude starts a task that was won, and gives it back if we are stopping.
func (l *loop) conclude(ctx context.Context, p planned, cl tasks.Claim, v tasks.Verdict) {
	l.count(v)
	switch v {
	case tasks.Won:
		l.start(p, cl, ctx.Err() != nil)
		return
	case unknown:
		l.start(p, cl, true)
	default:
		if cl.Processor != "" {
			l.freeName(cl.Processor)
		}
	}
	if v != tasks.Blocked && l.o.Lost != nil {
		l.o.Lost(p.Candidate)
	}
}

func (l *loop) count(v tasks.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Asked++
	switch v {
	case tasks.Won:
		l.stats.Won++
	case tasks.Blocked:
		l.stats.Blocked++
	default:
		l.stats.Lost++
	}
}
