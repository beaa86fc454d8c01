package dispatcher

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

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
