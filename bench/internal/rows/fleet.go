package rows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/roles"
)

// fleet is some processes that run lgtask processors.
type fleet []*child.Child

// workers starts processes with the given number of processors each, which have
// these classes. They are connected but not started: see fleet.start. They end
// with the stage.
func (s *stage) workers(ctx context.Context, processes, processors int, classes ...string) (fleet, error) {
	started := make(fleet, processes)
	p := pool.New().WithErrors()
	for i := range processes {
		setup := s.worker(processors, classes...)
		p.Go(func() (err error) {
			started[i], err = child.Start(ctx, roles.WorkerRole, setup)
			return err
		})
	}
	err := p.Wait()
	started = slices.DeleteFunc(started, func(c *child.Child) bool { return c == nil })
	s.cast = append(s.cast, started...)
	return started, err
}

// worker returns the setup of a process with a name of its own.
func (s *stage) worker(processors int, classes ...string) roles.Setup {
	return roles.Setup{
		URI: s.uri, Board: s.path, Name: fmt.Sprintf("bench%d", s.e.number()),
		Processors: processors, Classes: classes, LockDir: s.e.Dir,
	}
}

// start starts the processors of all processes at once. It returns when Start was
// first called, when it had first returned, and when it had returned everywhere.
func (f fleet) start(ctx context.Context) (called, first, last time.Time, err error) {
	answers := make([]roles.Started, len(f))
	err = f.each(func(i int, c *child.Child) error { return c.Call(ctx, "start", nil, &answers[i]) })
	for i, a := range answers {
		if i == 0 || a.Called.Before(called) {
			called = a.Called
		}
		if i == 0 || a.Returned.Before(first) {
			first = a.Returned
		}
		if a.Returned.After(last) {
			last = a.Returned
		}
	}
	return called, first, last, err
}

// counts returns how many tasks the processes asked for and won, in all.
func (f fleet) counts(ctx context.Context) (sum roles.Counts, err error) {
	for _, c := range f {
		var n roles.Counts
		if err := c.Call(ctx, "counts", nil, &n); err != nil {
			return sum, err
		}
		sum.Asked, sum.Won = sum.Asked+n.Asked, sum.Won+n.Won
	}
	return sum, nil
}

// usage returns what the processes used so far, in all.
func (f fleet) usage(ctx context.Context) (sum roles.Usage, err error) {
	for _, c := range f {
		var u roles.Usage
		if err := c.Call(ctx, "usage", nil, &u); err != nil {
			return sum, err
		}
		sum.CPU, sum.Resident = sum.CPU+u.CPU, sum.Resident+u.Resident
	}
	return sum, nil
}

// each calls f for all processes at once.
func (f fleet) each(do func(i int, c *child.Child) error) error {
	p := pool.New().WithErrors()
	for i, c := range f {
		p.Go(func() error { return do(i, c) })
	}
	return p.Wait()
}

// closeAll ends processes, all at once, and joins what went wrong.
func closeAll(cs []*child.Child) error {
	errs := make([]error, len(cs))
	_ = fleet(cs).each(func(i int, c *child.Child) error { errs[i] = c.Close(); return nil })
	return errors.Join(errs...)
}

// dismiss ends processes before the stage does.
func (s *stage) dismiss(f fleet) error {
	s.leave(f...)
	return closeAll(f)
}

// kill ends a process at once, by SIGKILL.
func (s *stage) kill(c *child.Child) error {
	s.leave(c)
	return c.Kill()
}

// leave takes processes from those that the stage ends.
func (s *stage) leave(gone ...*child.Child) {
	s.cast = slices.DeleteFunc(s.cast, func(c *child.Child) bool { return slices.Contains(gone, c) })
}

// bury kills a process that was frozen: it cannot end by itself. One that was
// killed before is left alone.
func (s *stage) bury(c *child.Child) error {
	if !slices.Contains(s.cast, c) {
		return nil
	}
	return s.kill(c)
}
