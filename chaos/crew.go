//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/netlab"
)

// crewman is a worker process, started again when it is gone, as cron does.
type crewman struct {
	w    *world
	name string
	host *netlab.Host // nil without a network

	mu     sync.Mutex
	cmd    *exec.Cmd
	gone   chan struct{} // closed when the process has ended
	frozen bool
}

func (c *crewman) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := []string{self}
	if c.host != nil {
		command = append(c.host.Enter(), self)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), workerEnv+"=1", "LGTASK_DATABASE="+c.w.uri, "LGTASK_NAME="+c.name,
		"LGTASK_PROCESSORS="+strconv.Itoa(processors), "LGTASK_LOCK_DIR="+c.w.dir, "LGTASK_MAX_ATTEMPTS=5", "LGTASK_RETENTION=forever")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended does not matter: it is killed most of the time
		close(gone)
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cmd, c.gone, c.frozen = cmd, gone, false
	return nil
}

// signal sends a signal to the process; it may be gone.
func (c *crewman) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case syscall.SIGSTOP:
		c.frozen = true
	case syscall.SIGCONT:
		c.frozen = false
	}
	_ = c.cmd.Process.Signal(s)
}

func (c *crewman) isGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// end stops it for good.
func (c *crewman) end() {
	c.signal(syscall.SIGCONT)
	c.signal(syscall.SIGTERM)
	select {
	case <-c.gone:
	case <-time.After(20 * time.Second):
		c.signal(syscall.SIGKILL)
		<-c.gone
	}
}

// tend starts the workers again that are gone, every few seconds.
func (w *world) tend(ctx context.Context) {
	for wait(ctx, 2*time.Second) == nil {
		w.restart()
	}
}

func (w *world) restart() {
	for _, c := range w.crew {
		if !c.isGone() {
			continue
		}
		if err := c.start(); err != nil {
			w.say("starting %s: %v", c.name, err)
		}
	}
}
