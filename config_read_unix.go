//go:build unix

package lgtask

import (
	"io/fs"
	"os"
	"syscall"
)

// openNoWait opens a file for reading. Without O_NONBLOCK the call itself would
// wait for somebody to open a pipe for writing, and could not be ended.
func openNoWait(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// readableByOthers reports whether users who are neither the owner nor in the
// group may read the file.
func readableByOthers(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
