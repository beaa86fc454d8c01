package rows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	child.Main(os.Args[1:], roles.All)
	code := m.Run()
	taskstest.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func env(t *testing.T, s Sizes) *Env {
	t.Helper()
	return &Env{URI: taskstest.URI(t), Dir: t.TempDir(), Rounds: 1, Sizes: s, Log: t.Logf}
}

func TestMetricNames(t *testing.T) {
	want := strings.Fields(`drain_100 drain_10 drain_2000 idle_latency idle_latency_local delayed_lateness steady_500
		enqueue_1 enqueue_32 enqueue_bulk claims_lost_1 claims_lost_4 claims_lost_16 drain_16_processes
		drain_listeners_0 drain_listeners_8 drain_listeners_32 timers_million_ready timers_million_rss idle_cpu idle_commands
		priority_behind priority_behind_2ms short_behind_long rank_dead_stopped rank_dead_killed
		storm_wake_during storm_wake_after wheel_10000_due wheel_10000_killed clock_ahead kill_idle kill_busy`)
	var got []string
	for _, r := range All {
		got = append(got, r.Metrics...)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the metrics are %v; want %v", got, want)
	}
}

// TestCheckFindsWhatIsWrong is about the check that ends every round.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	e := env(t, Sizes{})
	const n = 4
	for name, c := range map[string]struct {
		spoil func(s *stage) error
		want  string
	}{
		"as it must be": {func(*stage) error { return nil }, ""},
		"twice":         {func(s *stage) error { s.board.Start(2); return nil }, "task 2 started 2 times, there were 5 starts of 4 tasks"},
		"a stranger":    {func(s *stage) error { s.board.Start(n); return nil }, "there were 5 starts of 4 tasks"},
		"another task":  {func(s *stage) error { return raw.One(t.Context(), s.tasks, n) }, "1 request, 4 success; they should be 4 success"},
		"a failed one": {func(s *stage) error {
			_, err := s.tasks.UpdateOne(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: "error"}}}})
			return err
		}, "1 error, 3 success; they should be 4 success"},
		"none": {func(s *stage) error { _, err := s.tasks.DeleteMany(t.Context(), bson.D{}); return err }, "none; they should be 4 success"},
	} {
		err := e.on(t.Context(), n, func(s *stage) error {
			if err := s.fill(t.Context(), n); err != nil {
				return err
			}
			if err := c.spoil(s); err != nil {
				return err
			}
			err := s.ran(t.Context(), n)
			if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%s: the check says %v; want %q", name, err, c.want)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fill makes n tasks that ran.
func (s *stage) fill(ctx context.Context, n int) error {
	for i := range n {
		s.board.Start(int64(i))
	}
	return errors.Join(raw.Bulk(ctx, s.tasks, 0, n, nil), func() error { _, err := raw.Drain(ctx, s.tasks, n); return err }())
}

func TestWaitingFindsATaskThatIsThereTwice(t *testing.T) {
	err := env(t, Sizes{}).on(t.Context(), 0, func(s *stage) error {
		if err := raw.Bulk(t.Context(), s.tasks, 0, 3, nil); err != nil {
			return err
		}
		if err := s.waiting(t.Context(), 3); err != nil {
			t.Errorf("three tasks: %v", err)
		}
		if err := raw.One(t.Context(), s.tasks, 2); err != nil {
			return err
		}
		if err := s.waiting(t.Context(), 4); err == nil || !strings.Contains(err.Error(), "4 different numbers") {
			t.Errorf("one twice: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOtherClassListensOnly has a process that has none of the tasks' class.
func TestOtherClassListensOnly(t *testing.T) {
	err := env(t, Sizes{}).on(t.Context(), 1, func(s *stage) error {
		f, err := s.workers(t.Context(), 1, 1, job.OtherClass)
		if err != nil {
			return err
		}
		if _, _, _, err := f.start(t.Context()); err != nil {
			return err
		}
		if _, _, _, err := f.start(t.Context()); err == nil {
			t.Error("a second start is no error")
		}
		if err := raw.One(t.Context(), s.tasks, 0); err != nil {
			return err
		}
		if err := s.dismiss(f); err != nil { // it ends what it runs first
			return err
		}
		return s.waiting(t.Context(), 1)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRoundTakesTurns(t *testing.T) {
	e := &Env{Rounds: 2, Log: t.Logf}
	var order []string
	note := func(s string) func() error { return func() error { order = append(order, s); return nil } }
	for round := range e.Rounds {
		if err := e.round(round, "x", alone(note("alone")), ours(note("ours"))); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(order, " "); got != "alone ours ours alone" {
		t.Errorf("order %s", got)
	}
	broken := errors.New("broken on purpose")
	if err := e.round(1, "x", alone(note("")), ours(func() error { return broken })); !errors.Is(err, broken) || !strings.Contains(err.Error(), "round 2, lgtask") {
		t.Errorf("error %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("time is over"))
	defer cancel()
	err := env(t, Sizes{}).on(t.Context(), 3, func(s *stage) error {
		s.board.Start(0)
		return s.started(ctx, 3)
	})
	if err == nil || !strings.Contains(err.Error(), "time is over: 1 of 3 tasks have started") {
		t.Errorf("error %v", err)
	}
}
