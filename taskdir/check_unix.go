//go:build unix

package taskdir

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// info is what the entry of a folder says about a file.
type info struct {
	dir        bool
	executable bool   // somebody may execute it
	special    string // why it is refused for its kind, or nothing
	insecure   string // why it is refused for its owner or mode, or nothing
}

func examine(path string) (info, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return info{}, err
	}
	kind := uint32(st.Mode) & unix.S_IFMT
	return info{
		dir:        kind == unix.S_IFDIR,
		executable: st.Mode&0o111 != 0,
		special:    kindProblem(kind),
		insecure:   insecure(&st),
	}, nil
}

func kindProblem(kind uint32) string {
	switch kind {
	case unix.S_IFREG, unix.S_IFDIR:
		return ""
	case unix.S_IFLNK:
		return "is a symbolic link: put the file itself here"
	case unix.S_IFIFO:
		return "is a named pipe: only regular files are run, remove it"
	case unix.S_IFSOCK:
		return "is a socket: only regular files are run, remove it"
	}
	return "is a device: only regular files are run, remove it"
}

// insecure says why a file or folder could be changed by, or could lend rights
// to, somebody else; or nothing.
func insecure(st *unix.Stat_t) string {
	kind := uint32(st.Mode) & unix.S_IFMT
	switch {
	case !ours(st):
		return fmt.Sprintf("belongs to user %d, neither root nor the current user %d: chown it", st.Uid, os.Geteuid())
	case st.Mode&0o002 != 0, st.Mode&0o020 != 0 && !privateGroup(st.Gid):
		return fmt.Sprintf("is writable by its group or by others (mode %04o): chmod go-w", st.Mode&0o7777)
	case kind == unix.S_IFREG && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0:
		return "is setuid or setgid: chmod ug-s"
	}
	return ""
}

// ours reports whether root or the current user owns the file.
func ours(st *unix.Stat_t) bool { return st.Uid == 0 || int(st.Uid) == os.Geteuid() }

// openNoFollow opens a file for reading; it neither follows a link nor waits
// for the other end of a pipe.
func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

func openProblem(path string, err error) string {
	switch in, lstatErr := examine(path); {
	case errors.Is(err, os.ErrNotExist):
		return "it is not there any more"
	case lstatErr == nil && in.special != "":
		return in.special
	}
	return "cannot be read: " + reason(err) + "; check its permissions"
}

// fileProblem says why the opened file must not be run, or nothing.
func fileProblem(f *os.File) string {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "cannot be examined: " + err.Error()
	}
	kind := uint32(st.Mode) & unix.S_IFMT
	if kind == unix.S_IFDIR {
		return "is a folder: only regular files are run"
	}
	if why := kindProblem(kind); why != "" {
		return why
	}
	if why := insecure(&st); why != "" {
		return why
	}
	if st.Mode&0o111 == 0 {
		return "is not executable: chmod +x"
	}
	if unix.Access(f.Name(), unix.X_OK) != nil {
		return fmt.Sprintf("is not executable for user %d: check its mode (%04o) and whether the file system is mounted noexec",
			os.Geteuid(), st.Mode&0o7777)
	}
	return ""
}

// stamp describes the state of a file for the fingerprint: fully if it is part
// of a Go build, executable or of a kind that is refused, else by its mode.
func stamp(path string, full bool) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	if !full && uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 == 0 {
		return fmt.Sprintf("%o", st.Mode)
	}
	return fmt.Sprintf("%o %d %d %d %d %d %d %d", st.Mode, st.Uid, st.Gid, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
}
