//go:build unix

package lgtask

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// keepInherited keeps the pipes and locks that a launcher gave this worker from
// its own children: a task that outlived us would keep our names locked.
func keepInherited() {
	for fd := controlIn; ; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return // the first that is not open
		}
		syscall.CloseOnExec(fd)
	}
}
