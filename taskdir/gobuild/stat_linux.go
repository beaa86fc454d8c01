package gobuild

import (
	"io/fs"
	"syscall"
)

// changeID returns two more numbers that differ after a file has been replaced or
// written, also if it got back the time and the size that it had.
func changeID(info fs.FileInfo) (inode, changed int64) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return int64(s.Ino), s.Ctim.Nano()
}
