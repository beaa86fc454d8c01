package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/tasks"
)

// bench is a Watcher on a script, running in a bubble.
type bench struct {
	*script
	w    *Watcher
	log  bytes.Buffer // read it only while the Watcher waits
	stop context.CancelFunc
	done chan error
}

// start runs a Watcher on s. The bubble must end with finish.
func start(t *testing.T, s *script, o Options) *bench {
	t.Helper()
	b := &bench{script: s, done: make(chan error, 1)}
	s.began = time.Now()
	o.Source, o.Sink, o.Log = s, s, zerolog.New(&b.log)
	b.w = New(o)
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	go func() { b.done <- b.w.Run(ctx) }()
	return b
}

// finish stops the Watcher and checks what must hold for every run: an end at
// once and without an error, each stream closed, each read with a live context.
func (b *bench) finish(t *testing.T) {
	t.Helper()
	synctest.Wait()
	before := time.Now()
	b.stop()
	if err := <-b.done; err != nil {
		t.Errorf("Run returned %v after its context had ended", err)
	}
	if took := time.Since(before); took != 0 {
		t.Errorf("Run returned only %v after its context had ended", took)
	}
	b.check(t)
}

func (b *bench) check(t *testing.T) {
	t.Helper()
	if got := b.w.Stats(); got.State != Stopped || int(got.Openings) != b.count("close") {
		t.Errorf("after Run: %+v with %d streams closed", got, b.count("close"))
	}
	for _, bad := range []string{"next with a deadline", "next after the end", "close with a bad context"} {
		if n := b.count(bad); n > 0 {
			t.Errorf("%d × %s", n, bad)
		}
	}
}

func TestPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{next: func(ctx context.Context, stream, n int) (tasks.Event, bool, error) {
			switch {
			case n == 1:
				return tasks.Event{}, false, nil // a first batch is empty
			case n == 2:
				return freed(fmt.Sprint(stream))
			case stream == 1:
				return tasks.Event{}, false, tasks.ErrInvalidated
			}
			return idle(ctx)
		}}, Options{})
		<-b.w.Listening()
		<-time.After(time.Second)
		want := []string{"prepare", "open", "reset", "handle 1", "close", "prepare", "open", "reset", "handle 2"}
		if got := b.names(); !slices.Equal(got, want) {
			t.Errorf("calls: %q\nwant:  %q", got, want)
		}
		got := b.w.Stats()
		if got.State != Following || got.Openings != 2 || got.Resets != 2 || got.Events != 2 || got.LastError != tasks.ErrInvalidated.Error() {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
	})
}

func TestEveryStageRetries(t *testing.T) {
	once := func(n int) error {
		if n == 1 {
			return errBroken
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		s      *script
		before []string // the calls of the try that fails
	}{
		{"prepare", &script{prepare: once}, []string{"prepare"}},
		{"open", &script{open: once}, []string{"prepare", "open"}},
		{"reset", &script{reset: once}, []string{"prepare", "open", "reset", "close"}},
		{"handle", &script{handle: once, next: func(ctx context.Context, stream, _ int) (tasks.Event, bool, error) {
			if stream == 1 {
				return freed("x")
			}
			return idle(ctx)
		}}, []string{"prepare", "open", "reset", "handle x", "close"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, c.s, Options{})
				<-time.After(time.Second)
				if got, want := b.names(), append(c.before, "prepare", "open", "reset"); !slices.Equal(got, want) {
					t.Errorf("calls: %q\nwant:  %q", got, want)
				}
				if got := b.w.Stats(); got.Events != 0 || got.LastError != errBroken.Error() {
					t.Errorf("stats: %+v", got)
				}
				b.finish(t)
			})
		})
	}
}

func TestListeningOnlyAfterReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{reset: func(n int) error {
			if n < 3 {
				return errBroken
			}
			return nil
		}}, Options{})
		<-b.w.Listening()
		if got := b.w.Stats(); got.Resets != 1 || got.Openings != 3 {
			t.Errorf("listening with %+v", got)
		}
		b.finish(t)
		<-b.w.Listening() // stays closed

		// A second Run listens again and closes nothing twice.
		ctx, stop := context.WithCancel(t.Context())
		go func() { b.done <- b.w.Run(ctx) }()
		<-time.After(time.Minute)
		if got := b.w.Stats(); got.State != Following || got.Resets != 2 {
			t.Errorf("second Run: %+v", got)
		}
		b.stop = stop
		b.finish(t)
	})
}

func TestForeignErrorEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		foreign := &tasks.ForeignError{Collection: "tasks", Reason: "somebody else's"}
		b := start(t, &script{
			prepare: func(n int) error {
				if n == 2 {
					return fmt.Errorf("preparing: %w", foreign)
				}
				return nil
			},
			next: func(context.Context, int, int) (tasks.Event, bool, error) { return tasks.Event{}, false, errBroken },
		}, Options{})
		if err := <-b.done; !errors.Is(err, foreign) {
			t.Errorf("Run returned %v", err)
		}
		b.check(t)
		b.stop()
	})
}

func TestEndWithDeadlineOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now()}
		w := New(Options{Source: s, Sink: s})
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(s.began); took != 61*time.Second {
			t.Errorf("Run took %v", took)
		}
		(&bench{script: s, w: w}).check(t)
	})
}

func TestEndWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{prepare: func(int) error { return errBroken }}, Options{})
		<-time.After(10 * time.Minute)
		if got := b.w.Stats(); got.State != Waiting {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
	})
}

func TestLogsChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		b := start(t, &script{
			prepare: func(int) error {
				if broken.Load() {
					return errBroken
				}
				return nil
			},
			next: func(ctx context.Context, _, _ int) (tasks.Event, bool, error) {
				ev, ok, err := idle(ctx)
				if broken.Load() && err == nil {
					err = errBroken
				}
				return ev, ok, err
			},
		}, Options{})
		for range 2 {
			<-time.After(time.Minute + time.Millisecond)
			broken.Store(true)
			<-time.After(time.Hour)
			broken.Store(false)
		}
		<-time.After(time.Minute)
		b.finish(t)
		lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
		want := []string{`"listening"`, errBroken.Error(), "listening again", errBroken.Error(), "listening again"}
		if len(lines) != len(want) {
			t.Fatalf("%d lines:\n%s", len(lines), b.log.String())
		}
		for i, l := range lines {
			if !strings.Contains(l, want[i]) {
				t.Errorf("line %d: %s, want %s", i, l, want[i])
			}
		}
	})
}
