//go:build unix

package taskdir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the links on a path, as the system does.
const maxLinks = 40

// resolve returns the absolute path of dir without symbolic links. It goes from
// the root, and checks on the way that nobody else could lead the path, or a
// link of it, elsewhere. All its errors are *DirError.
func resolve(dir string) (string, error) {
	if dir == "" {
		return "", &DirError{Problem: "is no path", Remedy: "set it to a folder"}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", unreadable(dir, err)
	}
	at, links := "/", 0
	todo := strings.Split(abs, "/")
	if err := checkFolder(at, false); err != nil {
		return "", err
	}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name) // at itself for "" and "."
		target, err := readLink(next)
		switch {
		case err != nil:
			return "", err
		case target == "":
			at = next
			if err := checkFolder(at, false); err != nil {
				return "", err
			}
			continue
		}
		if links++; links > maxLinks {
			return "", &DirError{Path: abs, Problem: "has too many symbolic links", Remedy: "correct the setting", Err: unix.ELOOP}
		}
		if strings.HasPrefix(target, "/") {
			at = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	if err := checkFolder(at, true); err != nil {
		return "", err
	}
	return at, nil
}

// readLink returns where a link leads, or nothing if path is no link.
func readLink(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", unreadable(path, err)
	}
	if uint32(st.Mode)&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if !ours(&st) {
		return "", &DirError{Path: path, Problem: "is a symbolic link of another user", Remedy: "chown -h it to root or the current user"}
	}
	target, err := os.Readlink(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	return target, nil
}

// checkFolder refuses what is no folder and what others may write to. Above the
// task directory, a sticky folder is good enough: others cannot rename in it
// what is not theirs.
func checkFolder(path string, last bool) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return unreadable(path, err)
	}
	if uint32(st.Mode)&unix.S_IFMT != unix.S_IFDIR {
		return &DirError{Path: path, Problem: "is not a folder", Remedy: "correct the setting", Err: unix.ENOTDIR}
	}
	if !last && ours(&st) && st.Mode&unix.S_ISVTX != 0 {
		return nil
	}
	if problem, remedy, found := strings.Cut(insecure(&st), ": "); found {
		return &DirError{Path: path, Problem: problem, Remedy: remedy}
	}
	return nil
}

// dirProblem says why nothing in dir, a path without links, must run; or nothing.
func dirProblem(dir string) string {
	switch resolved, err := resolve(dir); {
	case err != nil:
		var dirErr *DirError
		if errors.As(err, &dirErr) {
			return dirErr.Path + " " + dirErr.Problem + ": " + dirErr.Remedy
		}
		return err.Error()
	case resolved != dir:
		return "its folder has become a symbolic link"
	}
	return ""
}
