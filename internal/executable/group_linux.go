package executable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

func (s Spec) grace() time.Duration {
	if s.Grace <= 0 {
		return DefaultGrace
	}
	return s.Grace
}

// group signals the process group of a run. Its ID stays valid as long as the
// program is not reaped, so end comes before that.
type group struct {
	id    int
	grace time.Duration
	quiet func() bool // takes the watch of the context back
	idle  chan struct{}
	ended chan struct{}

	stopped, killed bool // written by stop, read after end
}

// watchGroup stops the group when ctx ends.
func watchGroup(ctx context.Context, id int, grace time.Duration) *group {
	g := &group{id: id, grace: grace, idle: make(chan struct{}), ended: make(chan struct{})}
	g.quiet = context.AfterFunc(ctx, g.stop)
	return g
}

// stop asks the group to end, and makes it after the grace.
func (g *group) stop() {
	defer close(g.idle)
	g.stopped = true
	g.signal(unix.SIGTERM)
	g.signal(unix.SIGCONT) // who was stopped acts on SIGTERM only then
	timer := time.NewTimer(g.grace)
	defer timer.Stop()
	select {
	case <-g.ended:
	case <-timer.C:
		g.killed = true
		g.signal(unix.SIGKILL)
	}
}

// end kills what the program left of its group once it has ended.
func (g *group) end() {
	close(g.ended)
	if !g.quiet() {
		<-g.idle // stop has begun
	}
	g.signal(unix.SIGKILL)
}

// signal cannot fail but for a group that is a zombie alone, or that has become
// another user's.
func (g *group) signal(s unix.Signal) { _ = unix.Kill(-g.id, s) }

// waitUnreaped waits until the child has ended and leaves it a zombie, so that
// its ID is not given to another process yet.
func waitUnreaped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			if err != nil {
				return fmt.Errorf("wait for process %d: %w", pid, err)
			}
			return nil
		}
	}
}
