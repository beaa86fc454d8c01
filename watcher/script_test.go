package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	taskstest.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var errBroken = errors.New("broken")

// script is a Source, its streams and a Sink in one. It writes down every call
// and the time of it; the functions decide what happens, and n counts the calls
// of that kind from 1. A function that is nil succeeds.
type script struct {
	prepare func(n int) error
	open    func(n int) error
	next    func(ctx context.Context, stream, n int) (tasks.Event, bool, error)
	reset   func(n int) error
	handle  func(n int) error

	began time.Time // for the times in calls

	mu     sync.Mutex
	calls  []call
	counts map[string]int
}

type call struct {
	what string
	at   time.Duration
}

func (s *script) note(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.calls = append(s.calls, call{what, time.Since(s.began)})
	s.counts[what]++
	return s.counts[what]
}

func (s *script) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[what]
}

// names returns the calls so far, without their times.
func (s *script) names() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		names = append(names, c.what)
	}
	return names
}

// times returns when the calls of one kind happened.
func (s *script) times(what string) (at []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.what == what {
			at = append(at, c.at)
		}
	}
	return at
}

func run(f func(int) error, n int) error {
	if f == nil {
		return nil
	}
	return f(n)
}

func (s *script) Prepare(context.Context) error { return run(s.prepare, s.note("prepare")) }

func (s *script) Open(context.Context) (Stream, error) {
	n := s.note("open")
	if err := run(s.open, n); err != nil {
		return nil, err
	}
	return &scriptStream{s, n, 0}, nil
}

func (s *script) Reset(context.Context) error { return run(s.reset, s.note("reset")) }

func (s *script) Handle(_ context.Context, ev tasks.Event) error {
	return run(s.handle, s.note("handle "+ev.Key))
}

type scriptStream struct {
	s      *script
	number int
	reads  int
}

func (st *scriptStream) Next(ctx context.Context) (tasks.Event, bool, error) {
	st.reads++
	if _, has := ctx.Deadline(); has {
		st.s.note("next with a deadline")
	}
	if ctx.Err() != nil {
		st.s.note("next after the end")
	}
	if st.s.next == nil {
		return idle(ctx)
	}
	return st.s.next(ctx, st.number, st.reads)
}

func (st *scriptStream) Close(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ctx.Err() != nil || !ok || time.Until(at) > closeWait {
		st.s.note("close with a bad context")
	}
	st.s.note("close")
	return nil
}

// idle is a read of a quiet collection.
func idle(ctx context.Context) (tasks.Event, bool, error) {
	select {
	case <-ctx.Done():
		return tasks.Event{}, false, ctx.Err()
	case <-time.After(tasks.StreamWait):
		return tasks.Event{}, false, nil
	}
}

// freed is a read that finds an event.
func freed(key string) (tasks.Event, bool, error) {
	return tasks.Event{Kind: tasks.Freed, Key: key}, true, nil
}
