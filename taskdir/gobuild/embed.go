package gobuild

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// addEmbedded adds what the go:embed patterns of the package in dir match: the
// files, and the names in every folder where a further one could appear.
func (s *inputSet) addEmbedded(dir string, patterns []string) error {
	for _, p := range patterns {
		elements := strings.Split(strings.TrimPrefix(p, "all:"), "/")
		if err := s.addPattern(dir, elements); err != nil {
			return err
		}
	}
	return nil
}

// addPattern adds what the elements of a pattern match, from dir down.
func (s *inputSet) addPattern(dir string, elements []string) error {
	if err := s.add(allNames, dir); err != nil {
		return err
	}
	matches, err := filepath.Glob(filepath.Join(quoteGlob(dir), elements[0]))
	if err != nil {
		return nil // the go command refuses the pattern too, and says where it is
	}
	for _, m := range matches {
		info, err := os.Lstat(m)
		switch {
		case err != nil:
			return err
		case len(elements) > 1 && info.IsDir():
			err = s.addPattern(m, elements[1:])
		case len(elements) > 1:
		case info.IsDir():
			err = s.addTree(m)
		default:
			err = s.add(fileContents, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addTree adds all files below dir and the names in all folders.
func (s *inputSet) addTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return s.add(allNames, path)
		}
		return s.add(fileContents, path)
	})
}

// quoteGlob makes a path that [filepath.Glob] takes as it is.
func quoteGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // there is no quoting; brackets in folders' names are rare
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
