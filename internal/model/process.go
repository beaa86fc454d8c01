package model

import (
	"context"
	"slices"
	"strings"

	"github.com/lgtask/lgtask/tasks"
)

// Join announces a process.
func (s *Store) Join(ctx context.Context, p tasks.Process) error {
	_, err := write(ctx, s, "Join", func() bool {
		p := p
		p.Since, p.Beat = s.now(), s.now()
		if was := s.processes[p.Epoch]; was != nil {
			p.Since, p.Beats, p.Dead = was.Since, was.Beats, was.Dead
		}
		s.putProcess(p.Epoch, &p)
		return true
	})
	return err
}

// Beat says that a process is alive.
func (s *Store) Beat(ctx context.Context, epoch string, names []string) (bool, error) {
	return write(ctx, s, "Beat", func() bool {
		was := s.processes[epoch]
		if was == nil || was.Dead {
			return false
		}
		p := *was
		p.Beats++
		p.Names, p.Beat = names, s.now()
		s.putProcess(epoch, &p)
		return true
	})
}

// Leave removes a process and sets its names free.
func (s *Store) Leave(ctx context.Context, epoch string) error {
	if _, err := write(ctx, s, "Leave", func() bool {
		for _, name := range s.namesOf(epoch) {
			s.putLock(name, "")
		}
		return true
	}); err != nil {
		return err
	}
	_, err := write(ctx, s, "Leave", func() bool { return s.remove(epoch) })
	return err
}

func (db *Database) namesOf(epoch string) (names []string) {
	for name, holder := range db.locks {
		if holder == epoch {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (db *Database) remove(epoch string) bool {
	if db.processes[epoch] == nil {
		return false
	}
	db.putProcess(epoch, nil)
	return true
}

// TakeName gives a name to a process.
func (s *Store) TakeName(ctx context.Context, name, epoch string) (free bool, holder tasks.Process, err error) {
	free, err = write(ctx, s, "TakeName", func() bool { return s.takeFree(name, epoch) })
	if free || err != nil {
		return free, tasks.Process{}, err
	}
	has, err := read(ctx, s, "TakeName", func() string { return s.locks[name] })
	if err != nil || has == "" || has == epoch {
		return has != "" && has == epoch, tasks.Process{}, err
	}
	holder, err = s.Process(ctx, has)
	if err == tasks.ErrNotFound { // it left, or its tombstone was cleared away
		free, err = write(ctx, s, "TakeName", func() bool {
			if s.locks[name] != has {
				return false
			}
			s.putLock(name, epoch)
			return true
		})
		return free, tasks.Process{}, err
	}
	return false, holder, err
}

func (db *Database) takeFree(name, epoch string) bool {
	if db.locks[name] != "" {
		return false
	}
	db.putLock(name, epoch)
	return true
}

// TakeNames gives those names to a process that nobody has.
func (s *Store) TakeNames(ctx context.Context, names []string, epoch string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return write(ctx, s, "TakeNames", func() (taken []string) {
		for _, name := range names {
			if s.takeFree(name, epoch) {
				taken = append(taken, name)
			}
		}
		return taken
	})
}

// DropName sets a name free.
func (s *Store) DropName(ctx context.Context, name, epoch string) error {
	_, err := write(ctx, s, "DropName", func() bool {
		if s.locks[name] != epoch {
			return false
		}
		s.putLock(name, "")
		return true
	})
	return err
}

// Process returns one process, or tasks.ErrNotFound.
func (s *Store) Process(ctx context.Context, epoch string) (tasks.Process, error) {
	p, err := read(ctx, s, "Process", func() *tasks.Process { return s.processes[epoch] })
	switch {
	case err != nil:
		return tasks.Process{}, err
	case p == nil:
		return tasks.Process{}, tasks.ErrNotFound
	}
	return s.aged(p), nil
}

func (db *Database) aged(p *tasks.Process) tasks.Process {
	aged := *p
	aged.Age = db.now().Sub(p.Beat)
	return aged
}

// Processes returns all processes, the oldest first.
func (s *Store) Processes(ctx context.Context) ([]tasks.Process, error) {
	return read(ctx, s, "Processes", func() (ps []tasks.Process) {
		for _, epoch := range s.epochs {
			if p := s.processes[epoch]; p != nil {
				ps = append(ps, s.aged(p))
			}
		}
		slices.SortStableFunc(ps, func(a, b tasks.Process) int {
			if c := a.Since.Compare(b.Since); c != 0 {
				return c
			}
			return strings.Compare(a.Epoch, b.Epoch)
		})
		return ps
	})
}
