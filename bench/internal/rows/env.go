package rows

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
)

// Env is what all rows share.
type Env struct {
	URI    string // of the server, without a database
	Dir    string // for files, removed by its owner
	Rounds int
	Sizes  Sizes
	Log    func(format string, args ...any) // says how far it is

	used int // numbers for databases and files
}

// Row measures one or more metrics.
type Row struct {
	Metrics []string
	// Run measures the metrics that want accepts, and returns them in order.
	Run func(ctx context.Context, e *Env, want func(metric string) bool) ([]report.Metric, error)
}

// All are the rows in the order in which they run.
var All = []Row{
	drainRow("drain_100", 100),
	drainRow("drain_10", 10),
	drainRow("drain_2000", 2000),
	single("idle_latency", idleLatency),
	single("idle_latency_local", idleLatencyLocal),
	single("delayed_lateness", delayedLateness),
	single("steady_500", steady),
	single("enqueue_1", func(ctx context.Context, e *Env) (*report.Series, error) {
		return enqueue(ctx, e, "enqueue_1", 1, e.Sizes.One)
	}),
	single("enqueue_32", func(ctx context.Context, e *Env) (*report.Series, error) {
		return enqueue(ctx, e, "enqueue_32", 32, e.Sizes.Together)
	}),
	single("enqueue_bulk", enqueueBulk),
	claimsRow(1), claimsRow(4), claimsRow(16),
	single("drain_16_processes", drainProcesses),
	{Metrics: listenerMetrics(), Run: drainListeners},
	{Metrics: []string{"timers_million_ready", "timers_million_rss"}, Run: million},
	{Metrics: []string{"idle_cpu", "idle_commands"}, Run: idle},
	priorityRow("priority_behind", 100, job.Kind{}),
	priorityRow("priority_behind_2ms", 10, job.Kind{Class: job.NapClass, Lasts: 2 * time.Millisecond}),
	single("short_behind_long", shortBehindLong),
	rankDeadRow("rank_dead_stopped", frozen),
	rankDeadRow("rank_dead_killed", killed),
	{Metrics: []string{"storm_wake_during", "storm_wake_after"}, Run: stormWake},
	single("wheel_10000_due", wheelDue),
	single("wheel_10000_killed", wheelKilled),
	single("clock_ahead", clockAhead),
	killRow("kill_idle", false), killRow("kill_busy", true),
}

// single is a row of one metric.
func single(name string, run func(ctx context.Context, e *Env) (*report.Series, error)) Row {
	return Row{Metrics: []string{name}, Run: func(ctx context.Context, e *Env, _ func(string) bool) ([]report.Metric, error) {
		s, err := run(ctx, e)
		if err != nil {
			return nil, err
		}
		return []report.Metric{s.Metric()}, nil
	}}
}

// number returns one that was not returned before.
func (e *Env) number() int {
	e.used++
	return e.used
}

func (e *Env) boardPath() string { return filepath.Join(e.Dir, fmt.Sprintf("board-%d", e.number())) }

// side is one of the two that a round compares.
type side struct {
	name string
	run  func() error
}

// alone is the side that has nothing of lgtask.
func alone(run func() error) side { return side{"MongoDB alone", run} }

// ours is the other.
func ours(run func() error) side { return side{"lgtask", run} }

// round measures a round: both sides, in turns which comes first.
func (e *Env) round(round int, name string, sides ...side) error {
	for i := range sides {
		s := sides[(i+round)%len(sides)]
		e.Log("%s, round %d of %d: %s", name, round+1, e.Rounds, s.name)
		if err := s.run(); err != nil {
			return fmt.Errorf("round %d, %s: %w", round+1, s.name, err)
		}
	}
	return nil
}
