package lgtask

import (
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/internal/namelock"
)

// ErrProcessorRunning is returned by Processor.Start when each of its names is
// taken: a processor of a given name never runs twice.
type ErrProcessorRunning struct {
	Name   string
	Host   string // "" if only a lock on this host says that it runs
	Twin   bool   // Host has the name of this host, and is another machine or container
	PID    int    // 0 if not known
	Since  time.Time
	Others int // further names that are taken too
}

// Error implements error.
func (e *ErrProcessorRunning) Error() string {
	text := "processor " + e.Name + " runs already"
	if e.PID > 0 {
		text += fmt.Sprintf(" in process %d", e.PID)
	}
	if e.Host != "" {
		text += " on host " + e.Host
	}
	if e.Twin {
		text += " (another machine, or a container, of the same name as this one)"
	}
	if !e.Since.IsZero() {
		text += " since " + e.Since.UTC().Format(time.RFC3339)
	}
	if e.Others > 0 {
		text += fmt.Sprintf(", and %d others of its names do", e.Others)
	}
	return text + "; stop it, or give these processors another name (taskName, LGTASK_NAME)"
}

// lockKey returns what the locks of a configuration's names have in common.
func lockKey(cfg Config) (namelock.Key, error) {
	u, err := mongouri.Parse(cfg.TaskDatabase)
	if err != nil {
		return namelock.Key{}, err
	}
	key := namelock.Key{Hosts: u.Hosts(), Database: u.Database(), Prefix: cfg.Prefix}
	if key.Database == "" {
		key.Database = DefaultDatabase
	}
	return key, nil
}

// lockNames takes the locks of the names that are free on this host. It returns
// *ErrProcessorRunning if none is.
func lockNames(cfg Config, names []string) ([]*namelock.Lock, error) {
	key, err := lockKey(cfg)
	if err != nil {
		return nil, err
	}
	dir, err := namelock.Open(cfg.LockDir)
	if err != nil {
		return nil, err
	}
	var locks []*namelock.Lock
	var taken *ErrProcessorRunning
	for _, name := range names {
		key.Name = name
		l, err := dir.Take(key)
		var held *namelock.HeldError
		switch {
		case err == nil:
			locks = append(locks, l)
		case !errors.As(err, &held):
			unlock(locks)
			return nil, err
		case taken != nil:
			taken.Others++
		default:
			taken = &ErrProcessorRunning{Name: name, PID: held.Holder.PID, Since: held.Holder.Since}
		}
	}
	if len(locks) == 0 && taken != nil {
		return nil, taken
	}
	return locks, nil
}

func unlock(locks []*namelock.Lock) {
	for _, l := range locks {
		l.Release()
	}
}
