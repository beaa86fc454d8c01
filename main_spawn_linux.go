package lgtask

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the signals of a terminal from the worker, which its launcher
// stops, and lets the system kill it when the launcher's thread is gone: a name
// must be free the moment its launcher was killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
