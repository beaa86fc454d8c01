//go:build unix

package gobuild

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the end of the command's context kill all processes that it
// started: the go command does not end its compilers when it is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
