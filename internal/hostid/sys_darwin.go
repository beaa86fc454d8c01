package hostid

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func boot() string {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return fmt.Sprint(t.Sec)
}

func space() string { return "" }

// startOf returns when a process started, or "" if there is none. known is
// false if the system does not tell.
func startOf(pid int) (start string, known bool) {
	const zombie = 5
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	switch {
	case err == unix.EIO: // the answer is empty: no such process
		return "", true
	case err != nil:
		return "", false
	case info.Proc.P_stat == zombie:
		return "", true
	}
	return fmt.Sprintf("%d.%06d", info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec), true
}
