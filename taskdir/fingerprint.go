package taskdir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Fingerprint returns a text that tells the present state of the folder from
// others: it covers, by name, size, time, inode, mode and owner, the Go files,
// go.mod, go.sum, executables and what is refused for its kind, where the path
// leads, and the error if the folder cannot be used. Other files count by name
// and mode only. No file is read, so it can be called every second.
//
// Two calls during which nothing changed return the same.
func (f *Folder) Fingerprint() string { return fingerprint(f.given) }

// Changed reports whether the folder's fingerprint differs from the one at the
// beginning of the scan. Then scan again.
func (f *Folder) Changed() bool { return f.Fingerprint() != f.state }

func fingerprint(given string) string {
	sum := sha256.New()
	dir, err := resolve(given)
	var entries []os.DirEntry
	if err == nil {
		entries, err = os.ReadDir(dir)
	}
	fmt.Fprintf(sum, "%q %v\n", dir, err)
	for _, e := range entries {
		if name := e.Name(); !ignored(name) && !e.IsDir() {
			fmt.Fprintf(sum, "%q %s\n", name, stamp(filepath.Join(dir, name), isGo(name)))
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
