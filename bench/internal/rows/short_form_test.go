package rows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
)

// short are the sizes of a look at what a row does, not at how fast.
var short = Sizes{
	Drain: 3000, Listeners: 3000, Idle: 4, IdleEvery: 5 * time.Millisecond,
	Delayed: 40, DelayedOver: 400 * time.Millisecond,
	Urgent: 3, Strange: 2, Woken: 3, Bursts: 2, Long: 100 * time.Millisecond, Mixed: 200 * time.Millisecond,
	Dead: 6, Due: 300, Ahead: 1500 * time.Millisecond, Later: 50,
}

// measured runs the row of a metric in short form and returns all that it found.
func measured(t *testing.T, metric string) []report.Metric {
	t.Helper()
	i := slices.IndexFunc(All, func(r Row) bool { return slices.Contains(r.Metrics, metric) })
	found, err := All[i].Run(t.Context(), env(t, short), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRowsInShortForm wants each row to measure as much as it says, with every
// task run exactly once, and all that it says of how.
func TestRowsInShortForm(t *testing.T) {
	for _, c := range []struct {
		metrics string
		n       int // of each; 0: at least 1
		params  string
	}{
		{"priority_behind", 0, "most_ms p99_ms processors tasks urgent"},
		{"priority_behind_2ms", 0, "each_ms most_ms p99_ms processors tasks urgent"},
		{"short_behind_long", 4*2*behind + 100, "long_ms most_ms p99_one_process p99_one_process_same_class p99_steady p99_two_processes p99_two_processes_same_class"},
		{"rank_dead_stopped", 6, "dead most_ms p50_costs_ms p90_costs_ms p99_costs_ms p99_ms"},
		{"rank_dead_killed", 6, "dead most_ms p50_costs_ms p90_costs_ms p99_costs_ms p99_ms"},
		{"storm_wake_during storm_wake_after", 0, "idle_processes most_ms p99_ms tasks woken"},
		{"wheel_10000_due", 300, "earliest_ms later most_ms p99_ms raw_p99 tasks"},
		{"clock_ahead", 40, "ahead_ms behind_p50 behind_p99 earliest_ms most_ms p99_ms"},
	} {
		t.Run(c.metrics, func(t *testing.T) {
			names := strings.Fields(c.metrics)
			found := measured(t, names[0])
			if len(found) != len(names) {
				t.Fatalf("%d metrics", len(found))
			}
			for i, m := range found {
				if m.Metric != names[i] || m.Value <= 0 || m.Raw == nil || *m.Raw <= 0 || m.P99 == nil || m.N < max(c.n, 1) || c.n > 0 && m.N != c.n {
					t.Errorf("%+v", m)
				}
				for _, p := range append(strings.Fields(c.params), "raw") {
					if _, ok := m.Params[p]; !ok {
						t.Errorf("%s says nothing of %s: %v", m.Metric, p, m.Params)
					}
				}
			}
		})
	}
}

// TestKilledInShortForm is about a round in which tasks may run twice.
func TestKilledInShortForm(t *testing.T) {
	found := measured(t, "wheel_10000_killed")
	m := found[0]
	before, held, again := m.Params["before_kill"].(float64), m.Params["held"].(float64), m.Params["ran_again"].(float64)
	if m.Value <= 0 || m.N != short.Due || again > held || before < float64(short.Due/2)-again || before > float64(short.Due) {
		t.Errorf("%+v", m)
	}
}

// TestCrashCheck is about the check that ends such a round.
func TestCrashCheck(t *testing.T) {
	const n = 4
	for name, c := range map[string]struct {
		starts  []int64 // of tasks, beside one of each
		crashed int     // so many tasks were held by a killed process, from number 0 on
		again   int
		want    string
	}{
		"none killed":          {nil, 0, 0, ""},
		"held and not started": {nil, 2, 0, ""},
		"ran again":            {[]int64{1}, 2, 1, ""},
		"ran a third time":     {[]int64{1, 1}, 2, 0, "task 1 started 3 times and was held by 1 killed processes"},
		"nobody held it":       {[]int64{3}, 2, 0, "task 3 started 2 times and was held by 0"},
		"a stranger":           {[]int64{n}, 0, 0, "there were 5 starts of 4 tasks"},
	} {
		err := env(t, Sizes{}).on(t.Context(), n, func(s *stage) error {
			if err := raw.Bulk(t.Context(), s.tasks, 0, n, nil); err != nil {
				return err
			}
			for i := range int64(n) {
				s.board.Start(i)
			}
			for _, i := range c.starts {
				s.board.Start(i)
			}
			crashed := bson.D{{Key: "kwargs.n", Value: bson.D{{Key: "$lt", Value: c.crashed}}}}
			if _, err := s.tasks.UpdateMany(t.Context(), crashed, bson.D{{Key: "$set", Value: bson.D{{Key: "crashes", Value: 1}}}}); err != nil {
				return err
			}
			held, again, err := s.startedOnceButForCrash(t.Context(), n)
			switch {
			case c.want == "" && (err != nil || held != c.crashed || again != c.again):
				t.Errorf("%s: %d held, %d again, %v", name, held, again, err)
			case c.want != "" && (err == nil || !strings.Contains(fmt.Sprint(err), c.want)):
				t.Errorf("%s: error %v; want %q", name, err, c.want)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoneEarly has a task that starts before its time.
func TestNoneEarly(t *testing.T) {
	if err := noneEarly([]float64{0, 3, 0.001}); err != nil {
		t.Error(err)
	}
	if err := noneEarly([]float64{1, -0.25}); err == nil || !strings.Contains(err.Error(), "task 1 started 0.250 ms before") {
		t.Errorf("error %v", err)
	}
}
