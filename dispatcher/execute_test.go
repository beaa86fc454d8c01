package dispatcher

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func TestFailingHandlersEndTheirOwnTaskOnly(t *testing.T) {
	var none []int
	failing := map[string]func() tasks.Outcome{
		"bad mail":                           func() tasks.Outcome { return tasks.Outcome{State: tasks.Error, Failure: "bad mail"} },
		"panic: broken on purpose":           func() tasks.Outcome { panic(errBroken) },
		"panic: some text":                   func() tasks.Outcome { panic("some text") },
		"panic called with nil argument":     func() tasks.Outcome { panic(nil) },
		"index out of range":                 func() tasks.Outcome { return tasks.Outcome{LastLog: fmt.Sprint(none[1])} },
		"net/http: abort Handler":            func() tasks.Outcome { panic(http.ErrAbortHandler) },
		"the handler called runtime.Goexit":  func() tasks.Outcome { runtime.Goexit(); return succeeded },
		"PANIC=Error method: no text":        func() tasks.Outcome { panic(mute{}) },
		`state "", which is no end`:          func() tasks.Outcome { return tasks.Outcome{} },
		`state "kill", which is no end`:      func() tasks.Outcome { return tasks.Outcome{State: tasks.Kill} },
		`state "working", which is no end`:   func() tasks.Outcome { return tasks.Outcome{State: tasks.Working} },
		`state "finished", which is no end `: func() tasks.Outcome { return tasks.Outcome{State: "finished"} },
	}
	for want, run := range failing {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 1)
			b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { return run() }
			bad := b.offer()
			settled()
			b.handler.run = nil
			next := b.offer()
			settled()
			b.is(bad, tasks.Error)
			if e := b.task(bad).Errors; len(e) != 1 || !strings.Contains(e[0].Text, strings.TrimSpace(want)) {
				t.Errorf("errors %v; want one with %q", e, want)
			}
			b.is(next, tasks.Success)
			b.stop()
		})
	}
}

// mute is an error that cannot even say what it is.
type mute struct{}

func (mute) Error() string { panic("no text") }

func TestFailedThatFails(t *testing.T) {
	for name, failed := range map[string]func(*tasks.Held, string) tasks.Outcome{
		"panic":        func(*tasks.Held, string) tasks.Outcome { panic("once more") },
		"Goexit":       func(*tasks.Held, string) tasks.Outcome { runtime.Goexit(); return succeeded },
		"no end state": func(*tasks.Held, string) tasks.Outcome { return tasks.Outcome{} },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 1)
			b.handler.failed = failed
			b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { panic("the first") }
			bad := b.offer()
			settled()
			b.is(bad, tasks.Error)
			if e := b.task(bad).Errors; len(e) != 1 || !strings.Contains(e[0].Text, "the first") {
				t.Errorf("%s: errors %v", name, e)
			}
			b.handler.run = nil
			next := b.offer()
			settled()
			b.is(next, tasks.Success)
			b.stop()
		})
	}
}

func TestIdentityThatFails(t *testing.T) {
	for want, fail := range map[string]func(){
		"panic: no name for this one":                              func() { panic("no name for this one") },
		"the computation of the task's name called runtime.Goexit": runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newMemory(), "p", 4)
			b.handler.identity = func(c *tasks.Candidate) (string, bool) {
				if c.Priority == 1 {
					fail()
				}
				return c.TaskName, false
			}
			bad := []tasks.Candidate{b.insert(priority(1)), b.insert(priority(1), pending("a"))}
			good := []tasks.Candidate{b.insert(), b.insert(priority(2)), b.insert(pending("b"))}
			b.d.Wake()
			b.start()
			for _, c := range bad {
				b.is(c.ID, tasks.Error)
				if e := b.task(c.ID).Errors; len(e) != 1 || !strings.Contains(e[0].Text, want) {
					t.Errorf("errors %v; want one with %q", e, want)
				}
			}
			for _, c := range good {
				b.is(c.ID, tasks.Success)
			}
			b.stop()
		})
	}
}

func TestEndIsRecordedUntilItWorks(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 1)
			b.claims.set(breaks(40, after, "Finish"))
			id := b.offer(pending("a"))
			settled()
			if !after {
				b.is(id, tasks.Working)
			}
			if n, _, _ := b.d.Busy(); n != 1 {
				t.Errorf("busy %d", n)
			}
			next := b.offer() // the processor is not free yet
			advance(time.Second)
			b.is(next, tasks.Request)
			advance(2 * time.Minute)
			b.is(id, tasks.Success)
			b.is(next, tasks.Success)
			b.begun(id, next)
			if n := b.claims.count("Finish"); n != 42 {
				t.Errorf("%d tries", n)
			}
			b.stop()
		})
	}
}

func TestFencedEndIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		id := b.offer()
		settled()
		b.m.rescue("p") // thought dead
		c, err := b.m.Candidate(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("other", "other")}
		if v, err := b.m.Claim(context.Background(), c, h.Claim, "", ""); v != tasks.Won || err != nil {
			t.Fatal(v, err)
		}
		close(gate)
		settled()
		b.is(id, tasks.Working)
		b.idle()
		if n := b.claims.count("Finish"); n != 1 {
			t.Errorf("%d tries to record a lost claim", n)
		}
		next := b.offer()
		settled()
		b.is(next, tasks.Success)
		b.ends(h, tasks.Error)
		b.stop()
	})
}

// A task that was given back may be claimed again for another processor before
// its first run has been cleaned up. The second must still be known.
func TestGivenBackAndClaimedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate, reply := make(chan struct{}), make(chan struct{})
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			if h.Attempt == 0 {
				return tasks.Outcome{State: tasks.Request, Spent: true}
			}
			return until(gate)(ctx, h)
		}
		b.claims.set(func(_ context.Context, s statement) error {
			err := s.send()
			if s.op == "Finish" {
				<-reply
			}
			return err
		})
		id := b.offer()
		settled()
		c, err := b.m.Candidate(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		b.d.Offer(c)
		settled()
		b.begun(id, id)
		reply <- struct{}{} // to the first run
		settled()
		if n, _, _ := b.d.Busy(); n != 1 {
			t.Errorf("busy %d", n)
		}
		if !b.d.Cancel(id, ErrKilled) {
			t.Error("the second run is not known")
		}
		settled()
		reply <- struct{}{}
		settled()
		b.is(id, tasks.Error)
		b.stop()
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		b.handler.run = until(gate)
		killed, other := b.offer(), b.offer()
		settled()
		if b.d.Cancel(tasks.NewID(), ErrKilled) {
			t.Error("a task that is not here was cancelled")
		}
		if !b.d.Cancel(killed, ErrKilled) {
			t.Error("a running task is not known")
		}
		settled()
		b.is(killed, tasks.Error)
		b.is(other, tasks.Working)
		if got := b.task(killed); got.LastLog != "killed" || got.Errors[0].Text != "killed: "+ErrKilled.Error() {
			t.Errorf("lastLog %q, errors %v", got.LastLog, got.Errors)
		}
		if b.d.Cancel(killed, ErrKilled) {
			t.Error("a task that is over was cancelled")
		}
		close(gate)
		settled()
		b.is(other, tasks.Success)
		b.stop()
	})
}

func TestKilledTaskThatSucceedsHasSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = func(ctx context.Context, _ *tasks.Held) tasks.Outcome {
			<-ctx.Done()
			return succeeded
		}
		id := b.offer()
		settled()
		if err := b.m.kill(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		b.d.Cancel(id, ErrKilled)
		settled()
		b.is(id, tasks.Success)
		b.stop()
	})
}

// Any other cause leaves the outcome to the handler.
func TestCancelWithAnotherCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.handler.run = func(ctx context.Context, _ *tasks.Held) tasks.Outcome {
			<-ctx.Done()
			return tasks.Outcome{State: tasks.Aborted, LastLog: context.Cause(ctx).Error()}
		}
		for _, cause := range []error{errBroken, nil} {
			id := b.offer()
			settled()
			b.d.Cancel(id, cause)
			settled()
			b.is(id, tasks.Aborted)
		}
		b.stop()
	})
}
