package gobuild

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"
)

// inputSet collects inputs, each once.
type inputSet struct {
	seen   map[kind]map[string]bool
	memory memory
	now    time.Time
	list   []input
}

func newInputSet(m memory) *inputSet {
	return &inputSet{seen: map[kind]map[string]bool{}, memory: m, now: time.Now()}
}

func (s *inputSet) add(k kind, path string) error {
	if s.seen[k] == nil {
		s.seen[k] = map[string]bool{}
	}
	if s.seen[k][path] {
		return nil
	}
	s.seen[k][path] = true
	in, err := s.memory.look(k, path, s.now)
	if err == nil {
		s.list = append(s.list, in)
	}
	return err
}

// addPackage adds the source files in a folder and their names.
func (s *inputSet) addPackage(dir string) error {
	if err := s.add(sourceNames, dir); err != nil {
		return err
	}
	files, err := names(dir, sourceNames)
	if err != nil && !isAbsent(err) {
		return err
	}
	for _, name := range files {
		if err := s.add(fileContents, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// sorted returns the inputs in an order that depends on nothing else.
func (s *inputSet) sorted() []input {
	slices.SortFunc(s.list, func(a, b input) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return s.list
}
