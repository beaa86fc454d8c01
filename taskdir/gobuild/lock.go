package gobuild

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lockPoll is how often a builder looks whether another one is done.
const lockPoll = 20 * time.Millisecond

// lock takes the exclusive lock of the file at path, creating it, and returns the
// function that gives it back. It waits until ctx ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		ok, err := tryLock(f)
		switch {
		case err != nil:
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		case ok:
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("waiting for another build, which holds %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
