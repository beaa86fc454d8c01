//go:build !unix

package lgtask

import (
	"io/fs"
	"os"
)

// openNoWait opens a file for reading; there are no named pipes in the file
// system that could make it wait.
func openNoWait(path string) (*os.File, error) {
	return os.Open(path)
}

// readableByOthers is false: the mode bits say nothing about access here.
func readableByOthers(fs.FileInfo) bool {
	return false
}
