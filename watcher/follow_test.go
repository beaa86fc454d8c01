package watcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// within reports whether d is want, varied by at most a quarter.
func within(d, want time.Duration) bool { return d >= want*3/4 && d <= want*5/4 }

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{open: func(int) error { return errBroken }}, Options{})
		<-time.After(10 * time.Minute)
		at := b.times("open")
		want := 100 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if d := at[i] - at[i-1]; !within(d, want) {
				t.Errorf("wait %d is %v, want about %v", i, d, want)
			}
			if want *= 2; want > 12800*time.Millisecond {
				want = 15 * time.Second
			}
		}
		b.finish(t)
	})
}

func TestWaitsStartAnewAfterAStreamThatLasted(t *testing.T) {
	for _, c := range []struct {
		lasts time.Duration
		anew  bool
	}{{settleAfter - time.Second, false}, {settleAfter + time.Second, true}} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, &script{next: func(ctx context.Context, stream, n int) (tasks.Event, bool, error) {
				switch {
				case stream < 7: // six failures: the seventh wait is 6.4 s
					return tasks.Event{}, false, errBroken
				case time.Duration(n) <= c.lasts/time.Second:
					pause(ctx, time.Second)
					return tasks.Event{}, false, ctx.Err()
				}
				return tasks.Event{}, false, errBroken
			}}, Options{})
			<-time.After(time.Minute)
			open, closed := b.times("open"), b.times("close")
			want := 6400 * time.Millisecond
			if c.anew {
				want = 100 * time.Millisecond
			}
			if d := open[7] - closed[6]; !within(d, want) {
				t.Errorf("a stream lasted %v; the wait after it is %v, want about %v", c.lasts, d, want)
			}
			b.finish(t)
		})
	}
}

func TestNoHotLoop(t *testing.T) {
	for name, next := range map[string]func(context.Context, int, int) (tasks.Event, bool, error){
		"each first read fails": func(context.Context, int, int) (tasks.Event, bool, error) {
			return tasks.Event{}, false, errBroken
		},
		"each stream gives one event and fails": func(_ context.Context, _, n int) (tasks.Event, bool, error) {
			if n == 1 {
				return freed("x")
			}
			return tasks.Event{}, false, tasks.ErrInvalidated
		},
		"each stream fails as soon as it has lasted": func(ctx context.Context, _, n int) (tasks.Event, bool, error) {
			if n == 1 {
				pause(ctx, settleAfter)
				return tasks.Event{}, false, ctx.Err()
			}
			return tasks.Event{}, false, errBroken
		},
		"each read is empty at once": func(context.Context, int, int) (tasks.Event, bool, error) {
			return tasks.Event{}, false, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, &script{next: next}, Options{})
				for minute := range 10 {
					before := b.count("open")
					<-time.After(time.Minute)
					if n := b.count("open") - before; n < 3 || n > 12 {
						t.Errorf("%d openings in minute %d", n, minute)
					}
				}
				b.finish(t)
			})
		})
	}
}

// TestRestless: some empty answers at once are no reason to give a stream up as
// long as others come between.
func TestRestless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{next: func(ctx context.Context, stream, n int) (tasks.Event, bool, error) {
			switch {
			case stream == 1 && n > 40:
				return tasks.Event{}, false, nil
			case n%(mostAtOnce+1) != 0:
				return tasks.Event{}, false, nil
			case n%8 == 0:
				return freed("x")
			}
			return idle(ctx)
		}}, Options{})
		<-time.After(time.Minute)
		got := b.w.Stats()
		if got.Openings != 2 || got.Events < 10 || got.LastError != errRestless.Error() {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
	})
}

func TestStall(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return errors.Join(errBroken, ctx.Err())
	}
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{next: func(ctx context.Context, stream, n int) (tasks.Event, bool, error) {
			if stream == 1 && n == 3 {
				return tasks.Event{}, false, hang(ctx)
			}
			return idle(ctx)
		}}, Options{Stall: 20 * time.Second})
		const hangs = 2*tasks.StreamWait + 20*time.Second
		<-time.After(hangs - time.Millisecond)
		synctest.Wait()
		if n := b.count("close"); n != 0 {
			t.Errorf("%d streams closed before the time", n)
		}
		<-time.After(time.Millisecond)
		synctest.Wait()
		if n := b.count("close"); n != 1 {
			t.Errorf("%d streams closed when the time was over", n)
		}
		if got := b.w.Stats().LastError; !strings.Contains(got, "no answer from the server for 20s") {
			t.Errorf("last error %q", got)
		}
		<-time.After(time.Hour)
		if n := b.count("open"); n != 2 {
			t.Errorf("%d openings: an idle stream must last", n)
		}
		b.finish(t)
	})
}

// TestStallIsNoOutageOver: a stream that hangs from the start has not lasted.
func TestStallIsNoOutageOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{next: func(ctx context.Context, _, _ int) (tasks.Event, bool, error) {
			<-ctx.Done()
			return tasks.Event{}, false, ctx.Err()
		}}, Options{})
		<-time.After(time.Hour)
		if at := b.times("open"); at[10]-at[9] < 30*time.Second+11*time.Second {
			t.Errorf("the waits did not grow: %v", at)
		}
		b.finish(t)
		if n := strings.Count(b.log.String(), "\n"); n != 2 {
			t.Errorf("%d lines:\n%s", n, b.log.String())
		}
	})
}

// TestSlowSinkIsNoStall: the time that a sink takes is its own.
func TestSlowSinkIsNoStall(t *testing.T) {
	slow := func(int) error { <-time.After(time.Minute); return nil }
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &script{reset: slow, handle: slow, next: func(ctx context.Context, _, n int) (tasks.Event, bool, error) {
			if n == 1 {
				return freed("x")
			}
			return idle(ctx)
		}}, Options{Stall: time.Nanosecond}) // taken as twice tasks.StreamWait
		<-time.After(10 * time.Minute)
		if got := b.w.Stats(); got.Openings != 1 || got.Events != 1 || got.LastError != "" {
			t.Errorf("stats: %+v", got)
		}
		b.finish(t)
	})
}

// TestEndDuringSink: once the context has ended no read begins, since one with an
// ended context would leave the cursor open on the server.
func TestEndDuringSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := &script{
			began:  time.Now(),
			handle: func(int) error { stop(); return nil },
			next: func(context.Context, int, int) (tasks.Event, bool, error) {
				<-time.After(time.Second)
				return freed("x")
			},
		}
		w := New(Options{Source: s, Sink: s})
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		(&bench{script: s, w: w}).check(t)
		if n := s.count("handle x"); n != 1 {
			t.Errorf("%d events handled", n)
		}
	})
}
