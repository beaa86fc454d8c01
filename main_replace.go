package lgtask

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/internal/namelock"
)

// stopHolders ends the processes of this host that have the names, as SIGTERM
// does, and waits until they are gone. A process id is used only while the
// process of that id is the one that signed for the lock.
func (m *program) stopHolders(ctx context.Context, cfg Config) error {
	holders, err := lookAtLocks(cfg)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if !h.held || !hostid.Runs(h.PID, h.Start) {
			continue
		}
		m.log.Info().Str("processor", h.Name).Int("pid", h.PID).Msg("stopping the process that has the name")
		p, err := os.FindProcess(h.PID)
		if err == nil {
			err = p.Signal(syscall.SIGTERM)
		}
		if err != nil && hostid.Runs(h.PID, h.Start) {
			return fmt.Errorf("process %d, which has the name %s, cannot be stopped: %w; stop it yourself", h.PID, h.Name, err)
		}
		if err := awaitEnd(ctx, h.Holder, cfg.Grace+maxStop); err != nil {
			return err
		}
	}
	return nil
}

// awaitEnd waits until a process is gone.
func awaitEnd(ctx context.Context, h namelock.Holder, most time.Duration) error {
	over := time.Now().Add(most)
	for hostid.Runs(h.PID, h.Start) {
		if time.Now().After(over) {
			return fmt.Errorf("process %d, which has the name %s, does not end, %v after it was asked to: kill -9 %d", h.PID, h.Name, most, h.PID)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lockState is what is known of a name on this host.
type lockState struct {
	namelock.Holder
	beat time.Time
	held bool
}

// lookAtLocks returns the state of each name of a configuration.
func lookAtLocks(cfg Config) ([]lockState, error) {
	key, err := lockKey(cfg)
	if err != nil {
		return nil, err
	}
	dir, err := namelock.Open(cfg.LockDir)
	if err != nil {
		return nil, err
	}
	var states []lockState
	for _, name := range ProcessorNames(cfg.TaskName, cfg.Processors) {
		key.Name = name
		h, beat, held, err := dir.Look(key)
		if err != nil {
			return nil, err
		}
		h.Name = name
		states = append(states, lockState{h, beat, held})
	}
	return states, nil
}
