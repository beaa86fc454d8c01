package gobuild

import (
	"os"
	"path/filepath"
	"strings"
)

// lastName is the file of a store with the key of the program that the last
// successful Build returned.
const lastName = "last"

// LastGood returns the program that the last successful Build of this folder
// returned, also one of another process, and whether there is one. It is for a
// folder that cannot be built as it is now.
func (b *Builder) LastGood() (Result, bool) {
	j, err := b.newJob(target{})
	if err != nil {
		return Result{}, false // nothing can be run from such a cache
	}
	key, err := os.ReadFile(filepath.Join(j.store.root, lastName))
	if err != nil {
		return Result{}, false
	}
	m, err := j.store.load(filepath.Base(strings.TrimSpace(string(key))))
	if err != nil {
		return Result{}, false // removed since, or made by another version
	}
	return Result{Program: j.store.program(m.Key), Key: m.Key, Cached: true}, true
}

// noteGood remembers a program for LastGood. What cannot be noted is told: it
// matters only when the folder is broken later.
func (b *Builder) noteGood(r Result) {
	path := filepath.Join(filepath.Dir(filepath.Dir(r.Program)), lastName)
	if old, err := os.ReadFile(path); err == nil && string(old) == r.Key {
		return
	}
	if err := replaceFile(path, []byte(r.Key)); err != nil {
		b.options.Log(oneLine("the program is not noted as the last good one: " + err.Error()))
	}
}
