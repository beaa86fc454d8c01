package dispatcher

import (
	"context"
	"errors"
	"sync"

	"github.com/lgtask/lgtask/tasks"
)

var errBroken = errors.New("broken on purpose")

// statement is what a hook sees of a call to the database.
type statement struct {
	op   string // the method's name
	ids  []tasks.ID
	send func() error
}

// faulty passes statements on to the fake; a hook may delay them, refuse them,
// or lose their replies.
type faulty struct {
	Claims
	mu   sync.Mutex
	hook func(context.Context, statement) error
	sent map[string]int // calls of each method
}

func (f *faulty) do(ctx context.Context, op string, send func() error, ids ...tasks.ID) error {
	f.mu.Lock()
	f.sent[op]++
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return send()
	}
	return hook(ctx, statement{op, ids, send})
}

// set replaces the hook; nil takes it away.
func (f *faulty) set(hook func(context.Context, statement) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

func (f *faulty) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent[op]
}

func (f *faulty) Pages(ctx context.Context, q tasks.Query) (p tasks.Pages, err error) {
	p, err = f.Claims.Pages(ctx, q)
	return faultyPages{p, f}, err
}

// faultyPages fails as Candidates where it reads.
type faultyPages struct {
	tasks.Pages
	f *faulty
}

func (p faultyPages) Next(ctx context.Context, about int) (cs []tasks.Candidate, more bool, err error) {
	err = p.f.do(ctx, "Candidates", func() (err error) { cs, more, err = p.Pages.Next(ctx, about); return err })
	return cs, more, err
}

func (f *faulty) Claim(ctx context.Context, c tasks.Candidate, cl tasks.Claim, key, name string) (v tasks.Verdict, err error) {
	err = f.do(ctx, "Claim", func() (err error) { v, err = f.Claims.Claim(ctx, c, cl, key, name); return err }, c.ID)
	if err != nil {
		v = tasks.Lost
	}
	return v, err
}

func (f *faulty) ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (won map[tasks.ID]bool, err error) {
	err = f.do(ctx, "ClaimMany", func() (err error) { won, err = f.Claims.ClaimMany(ctx, ids, processors, cl); return err }, ids...)
	if err != nil {
		won = nil
	}
	return won, err
}

func (f *faulty) RefuseSingleton(ctx context.Context, c tasks.Candidate, key string) (refused bool, err error) {
	err = f.do(ctx, "RefuseSingleton", func() (err error) { refused, err = f.Claims.RefuseSingleton(ctx, c, key); return err }, c.ID)
	return refused, err
}

// FinishMany counts as Finish for hooks.
func (f *faulty) FinishMany(ctx context.Context, es []tasks.Ending) (errs []error, err error) {
	ids := make([]tasks.ID, len(es))
	for i, e := range es {
		ids[i] = e.ID
	}
	err = f.do(ctx, "Finish", func() (err error) { errs, err = f.Claims.FinishMany(ctx, es); return err }, ids...)
	return errs, err
}

func (f *faulty) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	return f.do(ctx, "Finish", func() error { return f.Claims.Finish(ctx, h, o) }, h.ID)
}
