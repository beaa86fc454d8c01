package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// kind says what of a path is an input.
type kind string

const (
	fileContents kind = "f" // a file, or that there is none
	sourceNames  kind = "s" // the names of the source files in a folder
	allNames     kind = "a" // all names in a folder, for embedded files
)

// settled is the age from which a file's time tells whether it has changed. A
// younger one may be written again within one tick of the file system's clock.
const settled = 2 * time.Second

// input is one thing that a program was made of. The numbers only save reading:
// a file that has them all is taken to have the same contents.
type input struct {
	Kind     kind   `json:"k"`
	Path     string `json:"p"`
	Sum      string `json:"h"` // hash of the contents, or a word for what is no file
	Size     int64  `json:"s,omitempty"`
	Modified int64  `json:"m,omitempty"` // 0 if the numbers cannot be trusted
	Inode    int64  `json:"i,omitempty"`
	Changed  int64  `json:"c,omitempty"`
}

// sameStat reports whether the file was not touched in between.
func (in input) sameStat(other input) bool {
	return in.Modified != 0 && in.Modified == other.Modified && in.Size == other.Size &&
		in.Inode == other.Inode && in.Changed == other.Changed
}

// memory holds what is known of files, to read each only when it was touched.
type memory map[string]input

// look returns the state of an input now.
func (m memory) look(k kind, path string, now time.Time) (input, error) {
	if k != fileContents {
		sum, err := namesSum(path, k)
		return input{Kind: k, Path: path, Sum: sum}, err
	}
	in := input{Kind: k, Path: path}
	info, err := os.Stat(path)
	switch {
	case isAbsent(err):
		in.Sum = "absent"
		return in, nil
	case err != nil:
		return in, err
	case !info.Mode().IsRegular():
		in.Sum = "irregular" // reading could block, and the go command takes no such file
		return in, nil
	}
	in.Size, in.Modified = info.Size(), info.ModTime().UnixNano()
	in.Inode, in.Changed = changeID(info)
	if known, ok := m[path]; ok && known.sameStat(in) {
		return known, nil
	}
	if in.Sum, err = fileSum(path); err != nil {
		return in, err
	}
	if now.Sub(info.ModTime()) < settled || now.UnixNano()-in.Changed < int64(settled) {
		in.Modified = 0
	}
	m[path] = in
	return in, nil
}

// isAbsent is also true for a path below a file.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func namesSum(dir string, k kind) (string, error) {
	names, err := names(dir, k)
	switch {
	case isAbsent(err):
		return "absent", nil
	case err != nil:
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:]), nil
}

// names returns the names in a folder, sorted.
func names(dir string, k kind) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if k == allNames || !e.IsDir() && isSource(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sourceEndings are those of files that the go command may compile.
var sourceEndings = []string{
	".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90",
	".s", ".S", ".sx", ".swig", ".swigcxx", ".syso",
}

func isSource(name string) bool {
	return name[0] != '.' && name[0] != '_' && !strings.HasSuffix(name, "_test.go") &&
		slices.Contains(sourceEndings, filepath.Ext(name)) || name == "default.pgo"
}

// same reports whether all inputs are as they were, and returns them with the
// numbers that they have now. It stops at the first that differs. One that cannot
// be read differs.
func (m memory) same(list []input) ([]input, bool) {
	now := time.Now()
	fresh := make([]input, len(list))
	for i, in := range list {
		if _, known := m[in.Path]; !known && in.Kind == fileContents {
			m[in.Path] = in
		}
		seen, err := m.look(in.Kind, in.Path, now)
		if err != nil || seen.Sum != in.Sum {
			return nil, false
		}
		fresh[i] = seen
	}
	return fresh, true
}
