package namelock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// DirError is returned for a folder or file that locks cannot be kept in.
type DirError struct {
	Path    string
	Problem string
	Err     error // may be nil
}

// Error implements error.
func (e *DirError) Error() string {
	text := fmt.Sprintf("the lock folder or file %s %s", e.Path, e.Problem)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; set lockDir (LGTASK_LOCK_DIR) to a folder of this user's own"
}

func (e *DirError) Unwrap() error { return e.Err }

// Default returns the folder that is used if none is configured: one per user in
// the folder for temporary files.
func Default() string {
	return filepath.Join(os.TempDir(), "lgtask-"+strconv.Itoa(os.Getuid()))
}

// Dir is a folder of locks.
type Dir struct{ path string }

// Open makes the folder if it is missing, for this user alone, and checks it.
// An empty path is Default. Errors: *DirError.
func Open(path string) (*Dir, error) {
	if path == "" {
		path = Default()
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, &DirError{path, "cannot be made", err}
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&os.ModeSymlink != 0 && path != Default() {
		info, err = os.Stat(path) // the user's own choice; in the common folder it may be a trap
	}
	switch {
	case err != nil:
		return nil, &DirError{path, "cannot be looked at", err}
	case !info.IsDir():
		return nil, &DirError{path, "is no folder", nil}
	}
	if problem := insecure(info); problem != "" {
		return nil, &DirError{path, problem, nil}
	}
	return &Dir{path}, nil
}

// Key is what a lock is for: the name of a processor of one task database.
type Key struct {
	Hosts    []string // of the database, in any order
	Database string
	Prefix   string
	Name     string
}

// file returns the name of the lock's file: the processor's, for people, and a
// digest of all, with the user, as the folder may be shared.
func (k Key) file() string {
	hosts := slices.Clone(k.Hosts)
	slices.Sort(hosts)
	sum := sha256.Sum256([]byte(strings.Join(append(hosts, "", k.Database, k.Prefix, k.Name, strconv.Itoa(os.Getuid())), "\x00")))
	readable := strings.Map(func(r rune) rune {
		if r > 127 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r) {
			return '_'
		}
		return r
	}, k.Name)
	return readable[:min(len(readable), 100)] + "." + hex.EncodeToString(sum[:8]) + ".lock"
}
