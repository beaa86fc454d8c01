//go:build unix

package child

import "syscall"

// Freeze stops the child where it is, so that it does nothing and has not ended:
// a call of it waits for ever. Only Kill ends it.
func (c *Child) Freeze() error { return c.cmd.Process.Signal(syscall.SIGSTOP) }
