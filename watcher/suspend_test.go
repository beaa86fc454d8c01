package watcher

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{}, Options{})
		<-b.w.Listening()
		<-time.After(time.Minute)
		b.w.Suspend()
		b.w.Suspend()
		synctest.Wait() // at once, though a read was under way
		if b.count("close") != 1 || b.w.Follows() || b.w.Stats().State != Suspended {
			t.Errorf("suspended: %q, %+v", b.names(), b.w.Stats())
		}
		<-time.After(time.Hour)
		b.w.Resume()
		b.w.Resume()
		synctest.Wait()
		want := []string{"prepare", "open", "reset", "close", "prepare", "open", "reset"}
		if got := b.names(); !slices.Equal(got, want) {
			t.Errorf("calls: %q\nwant:  %q", got, want)
		}
		got := b.w.Stats()
		if !b.w.Follows() || got.Suspensions != 1 || got.Reopenings != 1 || got.Resets != 2 || got.LastError != "" {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
		if n := strings.Count(b.log.String(), `"info"`) + strings.Count(b.log.String(), `"warn"`); n != 1 {
			t.Errorf("%d lines above debug level:\n%s", n, b.log.String())
		}
	})
}

func TestEndWhileSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{}, Options{})
		b.w.Suspend() // whatever Run is doing
		<-time.After(time.Minute)
		opened := b.count("open")
		b.finish(t)
		if b.count("open") != opened {
			t.Error("a stream was opened although suspended")
		}

		// It begins suspended, and waits for Resume.
		ctx, stop := context.WithCancel(t.Context())
		b.stop = stop
		go func() { b.done <- b.w.Run(ctx) }()
		<-time.After(time.Hour)
		if b.count("open") != opened {
			t.Error("the second Run did not begin suspended")
		}
		b.w.Resume()
		<-b.w.Listening()
		b.finish(t)
	})
}

// TestSuspendInEveryStage: what the sink or Prepare does, and an opening, is
// finished; a stream that was opened is closed again; nothing more is called.
func TestSuspendInEveryStage(t *testing.T) {
	for stage, want := range map[string][]string{
		"prepare":  {"prepare", "open", "close"},
		"open":     {"prepare", "open", "close"},
		"reset":    {"prepare", "open", "reset", "close"},
		"handle x": {"prepare", "open", "reset", "handle x", "close"},
	} {
		t.Run(stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := func(at string) func(int) error {
					if at != stage {
						return nil
					}
					return func(n int) error {
						if n == 1 {
							<-time.After(time.Second)
						}
						return nil
					}
				}
				b := start(t, &script{
					prepare: slow("prepare"), open: slow("open"), reset: slow("reset"), handle: slow("handle x"),
					next: func(ctx context.Context, stream, n int) (tasks.Event, bool, error) {
						if stream == 1 && n == 1 {
							return freed("x")
						}
						return idle(ctx)
					},
				}, Options{})
				<-time.After(time.Second / 2)
				b.w.Suspend()
				<-time.After(time.Minute)
				if got := b.names(); !slices.Equal(got, want) {
					t.Errorf("calls: %q\nwant:  %q", got, want)
				}
				if got := b.w.Stats(); got.State != Suspended || got.LastError != "" {
					t.Errorf("stats: %+v", got)
				}
				b.w.Resume()
				synctest.Wait()
				if got := b.names()[len(want):]; !slices.Equal(got, []string{"prepare", "open", "reset"}) {
					t.Errorf("calls after Resume: %q", got)
				}
				b.finish(t)
			})
		})
	}
}

// TestSuspendKeepsWaits: suspending and resuming in an outage does not lead to
// more tries than waiting.
func TestSuspendKeepsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{open: func(int) error { return errBroken }}, Options{})
		for range 6000 { // ten minutes
			<-time.After(50 * time.Millisecond)
			b.w.Suspend()
			<-time.After(50 * time.Millisecond)
			b.w.Resume()
		}
		if n := b.count("open"); n < 40 || n > 65 {
			t.Errorf("%d tries in ten minutes", n)
		}
		if got := b.w.Stats(); got.LastError != errBroken.Error() {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
	})
}

// TestSuspendClosesCursor: on a real server nothing is left of the stream, the
// connections of others live on, and what happened meanwhile is found.
func TestSuspendClosesCursor(t *testing.T) {
	t.Parallel()
	db := taskstest.DB(t)
	r := watch(t, db)
	ids := r.insert(t, 5)
	for range 5 {
		taskstest.Eventually(t, "a cursor on the server", func() bool { return len(cursors(t, db)) == 1 })
		r.w.Suspend()
		taskstest.Eventually(t, "no cursor on the server", func() bool { return len(cursors(t, db)) == 0 })
		ids = append(ids, r.insert(t, 10)...)
		if r.w.Follows() {
			t.Fatal("a stream is open although suspended")
		}
		r.w.Resume()
		ids = append(ids, r.insert(t, 10)...) // around the opening
		r.reset(t)
		ids = append(ids, r.insert(t, 5)...)
		r.missesNone(t, ids)
	}
	if got := r.w.Stats(); got.Suspensions != 5 || got.Reopenings != 5 || got.LastError != "" {
		t.Errorf("stats: %+v", got)
	}
}

// TestSuspendWithoutEnd suspends and resumes at any moment while tasks are
// inserted: none is missed, and no cursor is left on the server.
func TestSuspendWithoutEnd(t *testing.T) {
	t.Parallel()
	db := taskstest.DB(t)
	r := watch(t, db)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			r.w.Suspend()
			pause(ctx, time.Duration(i%7)*time.Millisecond)
			r.w.Resume()
			pause(ctx, time.Duration(i%41)*time.Millisecond)
		}
	}()
	ids := r.insert(t, 300)
	stop()
	<-done
	r.missesNone(t, ids)
	r.stop()
	taskstest.Eventually(t, "no cursor on the server", func() bool { return len(cursors(t, db)) == 0 })
	if got := r.w.Stats(); got.Openings < 5 || got.LastError != "" {
		t.Errorf("stats: %+v", got)
	}
}
