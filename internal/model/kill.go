package model

import (
	"context"

	"github.com/lgtask/lgtask/tasks"
)

// Kill asks for a task to be stopped.
func (s *Store) Kill(ctx context.Context, id tasks.ID) (tasks.State, error) {
	for {
		asked, err := write(ctx, s, "Kill", func() bool {
			t := s.tasks[id]
			if t == nil || t.State != tasks.Working {
				return false
			}
			s.edit(t, func(t *tasks.Task) { t.State = tasks.Kill })
			return true
		})
		if asked || err != nil {
			return tasks.Kill, err
		}
		ended, err := write(ctx, s, "Kill", func() bool {
			return s.endIf(id, tasks.Request, tasks.Error, "killed before it started")
		})
		if ended || err != nil {
			return tasks.Error, err
		}
		switch t, err := s.get(ctx, id); {
		case err != nil:
			return "", err
		case t.State == tasks.Kill:
			return tasks.Kill, nil
		case t.State.Final():
			return t.State, tasks.ErrEnded
		}
	}
}

// Killed returns the tasks of a process that somebody asked to stop, and those that
// nobody holds.
func (s *Store) Killed(ctx context.Context, holder string) (held, unheld []tasks.ID, err error) {
	ids, err := read(ctx, s, "Killed", func() (ids [2][]tasks.ID) {
		s.all(func(t *tasks.Task) {
			switch {
			case t.State != tasks.Kill:
			case t.Holder == holder:
				ids[0] = append(ids[0], t.ID)
			case t.Holder == "":
				ids[1] = append(ids[1], t.ID)
			}
		})
		return ids
	})
	return ids[0], ids[1], err
}

// EndKilled ends a task that was killed by hand while nobody held it.
func (s *Store) EndKilled(ctx context.Context, id tasks.ID) (bool, error) {
	return write(ctx, s, "EndKilled", func() bool {
		t := s.tasks[id]
		return t != nil && t.Holder == "" && s.endIf(id, tasks.Kill, tasks.Error, "killed before it started")
	})
}
