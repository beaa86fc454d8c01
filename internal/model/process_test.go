package model_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lgtask/lgtask/tasks"
)

// table is the table of processes, and what is done with the tasks of dead ones.
type table interface {
	Join(context.Context, tasks.Process) error
	Beat(ctx context.Context, epoch string, names []string) (bool, error)
	Leave(ctx context.Context, epoch string) error
	TakeName(ctx context.Context, name, epoch string) (free bool, holder tasks.Process, err error)
	TakeNames(ctx context.Context, names []string, epoch string) ([]string, error)
	DropName(ctx context.Context, name, epoch string) error
	Process(ctx context.Context, epoch string) (tasks.Process, error)
	Processes(context.Context) ([]tasks.Process, error)
	Bury(context.Context, tasks.Process) (bool, error)
	BuryStray(ctx context.Context, holder string) (int, error)
	Holders(context.Context) ([]string, error)
	HeldBy(ctx context.Context, epoch string) ([]tasks.Held, error)
}

// TestProcesses runs the same cases against the store and against the model.
func TestProcesses(t *testing.T) {
	for name, check := range map[string]func(*checker){
		"signs of life": beatCase, "names": namesCase, "bury": buryCase, "bury one that beat": buryAliveCase,
		"strays": strayCase, "quarantine": quarantineCase, "rescue under a name": rescueKeyCase,
	} {
		both(t, name, check)
	}
}

func (c *checker) join(epoch string, names ...string) tasks.Process {
	c.Helper()
	p := tasks.Process{Epoch: epoch, Names: names, Host: "h", PID: 7, Classes: []string{"Mail"}}
	if err := c.s.Join(c.Context(), p); err != nil {
		c.Fatal(err)
	}
	return c.process(epoch)
}

func (c *checker) process(epoch string) tasks.Process {
	c.Helper()
	p, err := c.s.Process(c.Context(), epoch)
	if err != nil {
		c.Fatal(err)
	}
	return p
}

// got compares an answer as text, which may be an error.
func (c *checker) got(want string, answer ...any) {
	c.Helper()
	for i, a := range answer {
		if p, ok := a.(tasks.Process); ok {
			answer[i] = p.Epoch
		}
		if answer[i] == nil || answer[i] == "" {
			answer[i] = "-"
		}
	}
	if got := strings.TrimSpace(fmt.Sprintln(answer...)); got != want {
		c.Errorf("got %s; want %s", got, want)
	}
}

func (c *checker) bury(p tasks.Process, want bool) {
	c.Helper()
	if gone, err := c.s.Bury(c.Context(), p); gone != want || err != nil {
		c.Fatalf("buried: %v, %v", gone, err)
	}
}

func beatCase(c *checker) {
	ctx := c.Context()
	p := c.join("e1", "n1", "n2")
	if p.Host != "h" || p.PID != 7 || p.Beats != 0 || p.Dead || p.Since.IsZero() || len(p.Names) != 2 {
		c.Errorf("joined: %+v", p)
	}
	beat := func(epoch string) string {
		ok, err := c.s.Beat(ctx, epoch, []string{"n1"})
		return fmt.Sprint(ok, err)
	}
	c.got("true <nil>", beat("e1"))
	c.got("false <nil>", beat("e9"))
	if p = c.process("e1"); p.Beats != 1 || len(p.Names) != 1 {
		c.Errorf("after a beat: %+v", p)
	}
	if again := c.join("e1", "n3"); again.Beats != 1 || !again.Since.Equal(p.Since) || again.Names[0] != "n3" {
		c.Errorf("joined again: %+v", again)
	}
	c.join("e2")
	ps, err := c.s.Processes(ctx)
	if err != nil || len(ps) != 2 || ps[0].Epoch != "e1" {
		c.Errorf("%v, %v", ps, err)
	}
	for range 2 { // the second time as if the reply were lost
		if err := c.s.Leave(ctx, "e1"); err != nil {
			c.Error(err)
		}
	}
	c.got("false <nil>", beat("e1"))
	if _, err := c.s.Process(ctx, "e1"); !errors.Is(err, tasks.ErrNotFound) {
		c.Error(err)
	}
}

func namesCase(c *checker) {
	ctx := c.Context()
	c.join("e1")
	c.join("e2")
	take := func(want, name, epoch string) {
		c.Helper()
		free, p, err := c.s.TakeName(ctx, name, epoch)
		c.got(want, free, p, err)
	}
	drop := func(name, epoch string) {
		c.Helper()
		if err := c.s.DropName(ctx, name, epoch); err != nil {
			c.Error(err)
		}
	}
	take("true - -", "n", "e1")
	take("true - -", "n", "e1")
	take("false e1 -", "n", "e2")
	drop("n", "e2") // not its own
	take("false e1 -", "n", "e2")
	drop("n", "e1")
	take("true - -", "n", "e2")
	take("true - -", "m", "e7") // of a process that never joined
	take("true - -", "m", "e1")
	taken, err := c.s.TakeNames(ctx, []string{"a", "n", "b"}, "e1")
	c.got("[a b] -", taken, err)
	taken, err = c.s.TakeNames(ctx, nil, "e1")
	c.got("[] -", taken, err)
	if err := c.s.Leave(ctx, "e1"); err != nil {
		c.Error(err)
	}
	take("true - -", "a", "e2")
	c.bury(c.process("e2"), true) // its names are anybody's, its document is gone
	take("true - -", "n", "e3")
}

func buryCase(c *checker) {
	p := c.join("e1")
	working, killed, ended := c.add(), c.add(), c.add()
	for _, cand := range []tasks.Candidate{working, killed, ended} {
		h := c.claim(cand, tasks.NewClaim("p-1", "e1"), "", "", tasks.Won)
		if cand.ID == ended.ID {
			c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
		}
	}
	if _, err := c.s.Kill(c.Context(), killed.ID); err != nil {
		c.Fatal(err)
	}
	other := c.add()
	c.claim(other, tasks.NewClaim("p-2", "e2"), "", "", tasks.Won)
	for range 2 { // the second time it is gone, which is as good
		c.bury(p, true)
		c.is(working.ID, "request by=p-1")
		c.is(killed.ID, "error by=p-1 attempt=0 errors=1")
		c.is(ended.ID, "success by=p-1")
		c.is(other.ID, "working by=p-2 holder=e2")
	}
	for _, id := range []tasks.ID{working.ID, killed.ID} {
		if t, err := c.s.Get(c.Context(), id); err != nil || !t.Claim.IsZero() {
			c.Errorf("a token is left: %v, %v", t.Claim, err)
		}
	}
	if cand := c.candidate(working.ID); cand.Crashes != 1 {
		c.Errorf("%d crashes", cand.Crashes)
	}
}

func buryAliveCase(c *checker) {
	p := c.join("e1")
	task := c.add()
	c.claim(task, tasks.NewClaim("p-1", "e1"), "", "", tasks.Won)
	if ok, err := c.s.Beat(c.Context(), "e1", nil); !ok || err != nil {
		c.Fatal(ok, err)
	}
	c.bury(p, false)
	c.is(task.ID, "working by=p-1 holder=e1")
	c.bury(c.process("e1"), true)
	c.is(task.ID, "request by=p-1")
	if ok, err := c.s.Beat(c.Context(), "e1", nil); ok || err != nil {
		c.Error(ok, err)
	}
}

func strayCase(c *checker) {
	ctx := c.Context()
	c.join("e1")
	c.claim(c.add(), tasks.NewClaim("p-1", "e1"), "", "", tasks.Won)
	task := c.add(named("Mail/a"))
	h := c.claim(task, tasks.NewClaim("p-2", "e2"), "Mail/a", "", tasks.Won)
	holders, err := c.s.Holders(ctx)
	slices.Sort(holders)
	c.got("[e1 e2] -", holders, err)
	held, err := c.s.HeldBy(ctx, "e2")
	if err != nil || len(held) != 1 || held[0].ID != task.ID || held[0].Token != h.Token || held[0].Key != "Mail/a" || held[0].Holder != "e2" {
		c.Errorf("%+v, %v", held, err)
	}
	for _, want := range []struct {
		holder string
		n      int
	}{{"e1", 0}, {"e2", 1}, {"e2", 0}} {
		if n, err := c.s.BuryStray(ctx, want.holder); n != want.n || err != nil {
			c.Errorf("%s: %d, %v", want.holder, n, err)
		}
	}
	c.is(task.ID, "request by=p-2 running=Mail/a")
}

func quarantineCase(c *checker) {
	task, killed := c.add(), c.add()
	for i := range tasks.MaxCrashes {
		for _, cand := range []tasks.Candidate{c.candidate(task.ID), c.candidate(killed.ID)} {
			c.claim(cand, tasks.NewClaim("p-1", "gone"), "", "", tasks.Won)
		}
		if i == tasks.MaxCrashes-1 {
			if _, err := c.s.Kill(c.Context(), killed.ID); err != nil {
				c.Fatal(err)
			}
		}
		if _, err := c.s.BuryStray(c.Context(), "gone"); err != nil {
			c.Fatal(err)
		}
	}
	c.is(task.ID, "error by=p-1 attempt=0 errors=1")
	c.is(killed.ID, "error by=p-1 attempt=0 errors=1")
	for id, want := range map[tasks.ID]int{task.ID: tasks.MaxCrashes, killed.ID: tasks.MaxCrashes - 1} {
		if t, err := c.s.Get(c.Context(), id); err != nil || t.Crashes != want || !t.Claim.IsZero() {
			c.Errorf("%d crashes, token %v, %v", t.Crashes, t.Claim, err)
		}
	}
}

func rescueKeyCase(c *checker) {
	back, killed := c.add(named("Mail/a")), c.add(named("Mail/b"))
	c.claim(back, tasks.NewClaim("p-1", "gone"), "Mail/a", "", tasks.Won)
	c.claim(killed, tasks.NewClaim("p-1", "gone"), "Mail/b", "", tasks.Won)
	if _, err := c.s.Kill(c.Context(), killed.ID); err != nil {
		c.Fatal(err)
	}
	if n, err := c.s.BuryStray(c.Context(), "gone"); n != 2 || err != nil {
		c.Errorf("%d, %v", n, err)
	}
	c.is(back.ID, "request by=p-1 running=Mail/a")
	c.is(killed.ID, "error by=p-1 last=Mail/b attempt=0 errors=1")
}

func killCase(c *checker) {
	ctx := c.Context()
	kill := func(id tasks.ID, want string) {
		c.Helper()
		state, err := c.s.Kill(ctx, id)
		if got := fmt.Sprintf("%s %v %v", state, errors.Is(err, tasks.ErrEnded), errors.Is(err, tasks.ErrNotFound)); got != want {
			c.Errorf("killed: %s, %v; want %s", got, err, want)
		}
	}
	waiting, going, named := c.add(), c.add(), c.add(named("Mail/a"))
	kill(tasks.NewID(), " false true")
	kill(waiting.ID, "error false false")
	kill(waiting.ID, "error true false")
	c.is(waiting.ID, "error attempt=0 errors=1")
	kill(named.ID, "error false false")
	c.is(named.ID, "error attempt=0 errors=1")
	h := c.claim(going, tasks.NewClaim("p-1", "e"), "", "", tasks.Won)
	kill(going.ID, "kill false false")
	kill(going.ID, "kill false false")
	held, unheld, err := c.s.Killed(ctx, "e")
	if err != nil || len(held) != 1 || held[0] != going.ID || len(unheld) != 0 {
		c.Errorf("%v, %v, %v", held, unheld, err)
	}
	if ended, err := c.s.EndKilled(ctx, going.ID); ended || err != nil {
		c.Errorf("ended one that is held: %v, %v", ended, err)
	}
	c.finish(h, tasks.Outcome{State: tasks.Success}, nil)
	kill(going.ID, "success true false")
}
