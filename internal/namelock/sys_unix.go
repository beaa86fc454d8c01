//go:build unix

package namelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func openFile(path string) (*os.File, error) {
	// No symbolic link is followed, and a pipe does not hold us up.
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// lock takes the file's lock, or returns errHeld.
func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return errHeld
		}
		return err
	}
}

// unlock lets go of the lock in every process that has the file open.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// insecure says what is wrong with the owner or the mode of a folder or file.
func insecure(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return ""
	case int(st.Uid) != os.Getuid():
		return fmt.Sprintf("belongs to user %d, not to %d", st.Uid, os.Getuid())
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("can be changed by others (mode %o): chmod go-w", info.Mode().Perm())
	}
	return ""
}
