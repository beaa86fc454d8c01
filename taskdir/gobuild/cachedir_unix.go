//go:build unix

package gobuild

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// checkCache returns a [*CacheError] if somebody else can put programs into dir:
// it is not ours, its permissions allow it, or those of a folder above allow
// to put another one in its place.
func checkCache(dir string) error {
	link, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if uid := owner(link); uid != os.Getuid() && (uid != 0 || link.Mode()&fs.ModeSymlink == 0) {
		return &CacheError{Dir: dir, Problem: fmt.Sprintf("belongs to user %d, not to user %d", uid, os.Getuid())}
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return &CacheError{Dir: dir, Problem: "is no folder"}
	case owner(info) != os.Getuid():
		return &CacheError{Dir: dir, Problem: fmt.Sprintf("belongs to user %d, not to user %d", owner(info), os.Getuid())}
	case info.Mode().Perm()&0o022 != 0:
		return &CacheError{Dir: dir, Problem: fmt.Sprintf("is writable by others (%v)", info.Mode())}
	}
	return checkAbove(dir)
}

// checkAbove looks at the folders above. Those that all may write to, but only
// remove their own from, are fine, such as /tmp. For root none may belong to
// somebody else: sudo may leave HOME as it was.
func checkAbove(dir string) error {
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return &CacheError{Dir: dir, Problem: fmt.Sprintf("lies in %s, which all may write to", at)}
		}
		if uid := owner(info); os.Getuid() == 0 && uid != 0 {
			return &CacheError{Dir: dir, Problem: fmt.Sprintf("lies in %s, which belongs to user %d, not to root", at, uid)}
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// owner returns the user that a file belongs to; -1, which nobody is, if the
// system does not tell.
func owner(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
