package lgtask

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

// surroundings are everything that a listener acts on, in a bubble. It writes
// down when each thing was called.
type surroundings struct {
	*listener
	first chan struct{}

	mu        sync.Mutex
	calls     map[string][]time.Time
	rate      float64 // oplog entries a second
	listeners int
	due       bool
	refuses   error
	suspended bool

	waiting, finished time.Time
	running           int
	blocked           []string
	changed           chan struct{}
}

func (s *surroundings) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[what] = append(s.calls[what], time.Now())
}

func (s *surroundings) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// called returns when something was called from the given time on.
func (s *surroundings) called(what string, from time.Time) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls[what]), func(t time.Time) bool { return t.Before(from) })
}

func (s *surroundings) Suspend()                   { s.note("suspend"); s.set(func() { s.suspended = true }) }
func (s *surroundings) Resume()                    { s.note("resume"); s.set(func() { s.suspended = false }) }
func (s *surroundings) Listening() <-chan struct{} { return s.first }
func (s *surroundings) Wake()                      { s.note("wake") }
func (s *surroundings) UnblockAll()                { s.note("unblock") }
func (s *surroundings) Blocked() []string          { return s.blocked }

func (s *surroundings) Pressure() (waiting, finished time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting, s.finished
}

func (s *surroundings) Busy() (int, bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, false, s.changed
}

func (s *surroundings) reading() tasks.OplogTime {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return tasks.OplogTime{Second: uint32(now.Unix()), Entries: uint32(s.rate * float64(now.Nanosecond()) / 1e9)}
}

func (s *surroundings) OplogTime(context.Context) (tasks.OplogTime, error) {
	s.note("ping")
	return s.reading(), nil
}

func (s *surroundings) Waiting(_ context.Context, q tasks.Query) (bool, tasks.OplogTime, error) {
	s.note("ask")
	if s.refuses != nil {
		return false, tasks.OplogTime{}, s.refuses
	}
	return s.due, s.reading(), nil
}

func (s *surroundings) CountListeners(context.Context, []string) (all, alike int, err error) {
	s.note("count")
	return s.listeners, s.listeners, nil
}

func (s *surroundings) Clock() time.Time { return time.Now() }

// surround runs f beside a running listener, in a bubble.
func surround(t *testing.T, f func(t *testing.T, s *surroundings)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &surroundings{first: make(chan struct{}), calls: map[string][]time.Time{}, changed: make(chan struct{})}
		noted := func(what string) func(context.Context) error {
			return func(context.Context) error { s.note(what); return nil }
		}
		s.listener = &listener{stream: s, work: s, store: s, classes: []string{"C"}, cancelKilled: noted("kills"), adopt: noted("adopt"), log: zerolog.Nop()}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.run(ctx) }()
		defer func() { stop(); <-done }()
		<-time.After(3 * time.Second)
		if n := len(s.called("ping", time.Time{})); n != 0 {
			t.Errorf("%d pings before the stream was open", n)
		}
		close(s.first)
		f(t, s)
	})
}

// widest returns the longest time without a call between from and now.
func widest(calls []time.Time, from time.Time) (gap time.Duration) {
	for _, at := range append(calls, time.Now()) {
		gap, from = max(gap, at.Sub(from)), at
	}
	return gap
}

func TestIdleListenerAsksLittle(t *testing.T) {
	surround(t, func(t *testing.T, s *surroundings) {
		begin := time.Now()
		s.set(func() { s.rate, s.listeners = 13, 64 }) // their signs of life
		<-time.After(10 * time.Minute)
		if n := len(s.called("ping", begin)); n < 500 || n > 660 {
			t.Errorf("%d pings in ten minutes", n)
		}
		for _, what := range []string{"ask", "count", "kills", "adopt", "suspend", "wake"} {
			if n := len(s.called(what, begin)); n > 0 {
				t.Errorf("%d × %s by an idle listener", n, what)
			}
		}
		if got := s.Stats(); got.State != stateListening || got.WriteRate < 10 || got.WriteRate > 13 {
			t.Errorf("stats: %+v", got)
		}
	})
}

func TestListenerInStorm(t *testing.T) {
	for phase := range 10 {
		surround(t, func(t *testing.T, s *surroundings) {
			<-time.After(10*time.Second + time.Duration(phase)*100*ms)
			s.set(func() { s.rate, s.listeners, s.running, s.blocked = 40_000, 4, 1, []string{"C/n"} })
			<-time.After(1300 * ms)
			begin := time.Now()
			if len(s.called("suspend", time.Time{})) != 1 {
				t.Fatalf("not suspended after 1.3 s of storm: %+v", s.Stats())
			}
			<-time.After(20 * time.Second)
			for what, most := range map[string]time.Duration{
				"ask": 2 * paceRate, "kills": 2 * paceRate, "unblock": paceUnblock + 2*paceRate, "adopt": paceAdopt + 2*paceRate,
			} {
				if gap := widest(s.called(what, begin), begin); gap > most {
					t.Errorf("%v without %s, want at most %v", gap, what, most)
				}
			}
			if n := len(s.called("ask", begin)); n > 200 {
				t.Errorf("asked %d times in 20 s", n)
			}
			if n := len(s.called("wake", begin)) + len(s.called("resume", begin)); n != 0 {
				t.Errorf("%d × woken or resumed", n)
			}
			begin = time.Now()
			s.set(func() { s.due = true })
			<-time.After(2 * paceRate)
			if len(s.called("wake", begin)) == 0 {
				t.Error("a due task did not wake the dispatcher")
			}
			begin = time.Now()
			s.set(func() { s.rate = 0 })
			<-time.After(850 * ms)
			if got := s.Stats(); len(s.called("resume", begin)) != 1 || got.State != stateListening || got.ForStorm != 1 || got.ForBusy != 0 || got.Listeners != 4 {
				t.Errorf("0.85 s after the storm: %+v", got)
			}
		})
	}
}

// TestListenersShareTheAsking: many processes of the same classes ask together
// about as often as a few would.
func TestListenersShareTheAsking(t *testing.T) {
	for listeners, want := range map[int]time.Duration{4: 150 * ms, 8: 230 * ms, 16: 530 * ms, 24: 830 * ms, 500: 830 * ms} {
		surround(t, func(t *testing.T, s *surroundings) {
			s.set(func() { s.rate, s.listeners = 40_000, listeners })
			<-time.After(3 * time.Second)
			begin := time.Now()
			<-time.After(time.Minute)
			mean := time.Minute / time.Duration(len(s.called("ask", begin)))
			if mean < want*8/10 || mean > want*12/10 {
				t.Errorf("%d listeners: each asks every %v, want about %v", listeners, mean, want)
			}
		})
	}
}

func TestListenerIsAlone(t *testing.T) {
	surround(t, func(t *testing.T, s *surroundings) {
		s.set(func() { s.rate, s.listeners = 9_000, 2 })
		<-time.After(time.Minute)
		if n := len(s.called("count", time.Time{})); n < 5 || n > 8 {
			t.Errorf("counted %d times in a minute", n)
		}
		if got := s.Stats(); got.State != stateListening || got.Listeners != 2 {
			t.Errorf("stats: %+v", got)
		}
	})
}

// TestBusyListener: from the first task that ends the backlog is watched, so that
// the stream is closed soon; kills are looked for at least every 50 ms; soon
// after the work the stream is open again.
func TestBusyListener(t *testing.T) {
	surround(t, func(t *testing.T, s *surroundings) {
		<-time.After(10 * time.Second)
		work := time.Now()
		finish := func() {
			s.set(func() {
				s.finished = time.Now()
				close(s.changed)
				s.changed = make(chan struct{})
			})
		}
		s.set(func() { s.waiting, s.running, s.rate, s.listeners = work, 4, 1000, 1 })
		for range 500 {
			<-time.After(10 * ms)
			finish()
		}
		closed := s.called("suspend", work)
		if len(closed) != 1 || closed[0].Sub(work) > busyBacklog+paceActive {
			t.Fatalf("suspended at %v, work began at %v", closed, work)
		}
		if gap := widest(s.called("kills", closed[0]), closed[0]); gap > 50*ms {
			t.Errorf("%v without a look for kills", gap)
		}
		if n := len(s.called("ask", work)) + len(s.called("resume", work)); n > 0 {
			t.Errorf("asked or resumed %d times while there was a backlog", n)
		}
		over := time.Now()
		s.set(func() { s.waiting, s.running, s.rate = time.Time{}, 0, 0 })
		<-time.After(400 * ms)
		if gap := widest(s.called("ask", over), over); gap > 60*ms && len(s.called("resume", over)) == 0 {
			t.Errorf("%v without asking", gap)
		}
		if got := s.Stats(); len(s.called("resume", over)) != 1 || got.State != stateListening || got.ForBusy != 1 {
			t.Errorf("0.4 s after the work: %+v", got)
		}
	})
}

func TestListenerWithErrors(t *testing.T) {
	surround(t, func(t *testing.T, s *surroundings) {
		s.set(func() { s.rate, s.listeners = 40_000, 4 })
		<-time.After(3 * time.Second)
		s.set(func() { s.refuses = errors.New("no connection") })
		begin := time.Now()
		<-time.After(10 * time.Second)
		if n := len(s.called("ask", begin)); n < 50 || n > 100 || len(s.called("resume", begin)) > 0 {
			t.Errorf("asked %d times in an outage of 10 s: %+v", n, s.Stats())
		}
		s.set(func() {
			s.refuses = mongo.CommandError{Code: 2, Message: "hint provided does not correspond to an existing index"}
		})
		begin = time.Now()
		<-time.After(300 * ms)
		if len(s.called("resume", begin)) == 0 {
			t.Errorf("the path in was not taken: %+v", s.Stats())
		}
	})
}
