package model

import (
	"context"
	"fmt"
	"slices"

	"github.com/lgtask/lgtask/tasks"
)

// Bury gives back the tasks of a dead process, as it was when p was read.
func (s *Store) Bury(ctx context.Context, p tasks.Process) (bool, error) {
	dead, err := write(ctx, s, "Bury", func() bool {
		was := s.processes[p.Epoch]
		if was == nil || was.Beats != p.Beats {
			return false
		}
		tombstone := *was
		tombstone.Dead = true
		s.putProcess(p.Epoch, &tombstone)
		return true
	})
	if err != nil {
		return false, err
	}
	if !dead {
		_, err := s.Process(ctx, p.Epoch)
		if err == tasks.ErrNotFound {
			return true, nil
		}
		return false, err
	}
	if _, err := s.rescue(ctx, p.Epoch); err != nil {
		return false, err
	}
	_, err = write(ctx, s, "Bury", func() bool {
		p := s.processes[p.Epoch]
		return p != nil && p.Dead && s.remove(p.Epoch)
	})
	return err == nil, err
}

// rescue gives back the tasks of a dead process by the store's three statements.
func (s *Store) rescue(ctx context.Context, epoch string) (n int, err error) {
	const reason = "the process that ran it died"
	poisoned := func(t *tasks.Task) bool { return t.State == tasks.Working && t.Crashes >= tasks.MaxCrashes-1 }
	if _, err := s.eachOf(ctx, epoch, poisoned, func(t *tasks.Task) {
		s.ended(t, tasks.Error, fmt.Sprintf("quarantined: %d processes died while they ran it", tasks.MaxCrashes))
		t.Claim, t.Crashes = tasks.ClaimMark{}, tasks.MaxCrashes
	}); err != nil {
		return 0, err
	}
	working := func(t *tasks.Task) bool { return t.State == tasks.Working }
	back, err := s.eachOf(ctx, epoch, working, func(t *tasks.Task) {
		t.State, t.LastLog, t.Holder, t.Claim = tasks.Request, reason, "", tasks.ClaimMark{}
		t.Crashes++
	})
	if err != nil {
		return 0, err
	}
	killed := func(t *tasks.Task) bool { return t.State == tasks.Kill }
	ended, err := s.eachOf(ctx, epoch, killed, func(t *tasks.Task) {
		s.ended(t, tasks.Error, "killed; "+reason)
		t.Claim = tasks.ClaimMark{}
	})
	return back + ended, err
}

// eachOf changes those tasks of a holder, by one statement.
func (s *Store) eachOf(ctx context.Context, epoch string, ok func(*tasks.Task) bool, change func(*tasks.Task)) (int, error) {
	return write(ctx, s, "Rescue", func() (n int) {
		s.all(func(t *tasks.Task) {
			if t.Holder == epoch && ok(t) {
				s.edit(t, change)
				n++
			}
		})
		return n
	})
}

// Holders returns who holds tasks.
func (s *Store) Holders(ctx context.Context) ([]string, error) {
	return read(ctx, s, "Holders", func() (holders []string) {
		s.all(func(t *tasks.Task) {
			if t.Holder != "" && !slices.Contains(holders, t.Holder) {
				holders = append(holders, t.Holder)
			}
		})
		return holders
	})
}

// HeldBy returns what a process has claimed.
func (s *Store) HeldBy(ctx context.Context, epoch string) ([]tasks.Held, error) {
	return read(ctx, s, "HeldBy", func() (hs []tasks.Held) {
		s.all(func(t *tasks.Task) {
			if t.Holder == epoch && t.State.Claimed() {
				hs = append(hs, tasks.Held{
					Candidate: tasks.Candidate{ID: t.ID}, Claim: tasks.Claim{Token: t.Claim.Token, Holder: epoch}, Key: t.RunningKey,
				})
			}
		})
		return hs
	})
}

// BuryStray gives back the tasks of a holder that is no process.
func (s *Store) BuryStray(ctx context.Context, holder string) (int, error) {
	if _, err := s.Process(ctx, holder); err != tasks.ErrNotFound {
		return 0, err
	}
	return s.rescue(ctx, holder)
}
