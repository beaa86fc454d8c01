package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
)

// The two kinds of idle processes.
const (
	idleProcessors = 64 // in one process
	idleProcesses  = 16 // with one processor each
)

// calm is what processes use while there is nothing to do.
type calm struct {
	cpu      float64 // percent of a core, all of them
	commands float64 // a second that the server received from them, without hello
}

// idle measures what processes that have nothing to do use: 64 processors in one
// process (the values), and 16 processes (in the parameters). "raw" is a process
// with an open change stream and nothing else. The time is shared out among the
// rounds.
func idle(ctx context.Context, e *Env, want func(string) bool) ([]report.Metric, error) {
	span := e.Sizes.IdleFor / time.Duration(e.Rounds)
	params := func() report.Params {
		return report.Params{"processes": 1, "processors": idleProcessors, "seconds_a_round": span.Seconds(), "raw": "a process with an open change stream"}
	}
	cpu := report.NewSeries("idle_cpu", "% of a core", params())
	commands := report.NewSeries("idle_commands", "commands/s", params())
	for round := range e.Rounds {
		var bare, one, many calm
		err := e.round(round, "idle", alone(func() (err error) {
			bare, err = e.calmRaw(ctx)
			return err
		}), ours(func() (err error) {
			if one, err = e.calmOurs(ctx, 1, idleProcessors, span); err != nil {
				return err
			}
			many, err = e.calmOurs(ctx, idleProcesses, 1, span)
			return err
		}))
		if err != nil {
			return nil, err
		}
		cpu.Add(one.cpu, bare.cpu, 1)
		cpu.Beside(fmt.Sprintf("processes_%d", idleProcesses), many.cpu)
		commands.Add(one.commands, bare.commands, 1)
		commands.Beside(fmt.Sprintf("processes_%d_each", idleProcesses), many.commands/idleProcesses)
	}
	var found []report.Metric
	for _, s := range []*report.Series{cpu, commands} {
		if want(s.Name) {
			found = append(found, s.Metric())
		}
	}
	return found, nil
}

func (e *Env) calmOurs(ctx context.Context, processes, processors int, span time.Duration) (c calm, err error) {
	err = e.on(ctx, 0, func(s *stage) error {
		f, err := s.workers(ctx, processes, processors, job.NoopClass)
		if err != nil {
			return err
		}
		if _, _, _, err := f.start(ctx); err != nil {
			return err
		}
		c, err = s.calm(ctx, f, span)
		return err
	})
	return c, err
}

func (e *Env) calmRaw(ctx context.Context) (c calm, err error) {
	err = e.on(ctx, 0, func(s *stage) error {
		p, err := s.hire(ctx, roles.FollowerRole, roles.Setup{})
		if err != nil {
			return err
		}
		c, err = s.calm(ctx, fleet{p}, e.Sizes.RawIdleFor)
		return err
	})
	return c, err
}

// calm measures processes for a time, once they have come to rest.
func (s *stage) calm(ctx context.Context, f fleet, span time.Duration) (c calm, err error) {
	if err := sleep(ctx, s.e.Sizes.Settle); err != nil {
		return c, err
	}
	used, err := f.usage(ctx)
	if err != nil {
		return c, err
	}
	before, err := s.counters(ctx)
	if err != nil {
		return c, err
	}
	if err := sleep(ctx, span); err != nil {
		return c, err
	}
	after, err := s.counters(ctx)
	if err != nil {
		return c, err
	}
	more, err := f.usage(ctx)
	took := after.at.Sub(before.at).Seconds()
	c.cpu = 100 * (more.CPU - used.CPU).Seconds() / took
	// One of them is the question itself.
	c.commands = float64(after.commands-before.commands-1) / took
	return c, err
}
