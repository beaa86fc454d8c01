//go:build unix && !linux

package lgtask

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the signals of a terminal from the worker, which its launcher
// stops. The worker ends by itself when its launcher is gone, and keeps its
// names locked until then.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
