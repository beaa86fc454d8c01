package taskdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is what one Scan found. It does not change.
type Folder struct {
	// Dir is the absolute path of the folder, without symbolic links.
	Dir string
	// GoFiles are the base names of the Go files, without tests, sorted.
	GoFiles []string
	// Executables are sorted by class; no class is there twice.
	Executables []Executable
	// Refused is what looks like a task but must not run, sorted by path.
	Refused []Refusal

	given string // the path that Scan was called with
	state string // the fingerprint before anything was read
}

// Scan reads the folder at dir. It returns a *DirError if dir cannot be read,
// is no folder, or if somebody other than root and the current user could
// change it or what leads to it. A single bad file is no error, see
// Folder.Refused.
func Scan(dir string) (*Folder, error) {
	f := &Folder{given: dir, state: fingerprint(dir)}
	resolved, err := resolve(dir)
	if err != nil {
		return nil, err
	}
	f.Dir = resolved
	entries, err := os.ReadDir(resolved)
	if err != nil {
		return nil, unreadable(resolved, err)
	}
	for _, e := range entries {
		if !ignored(e.Name()) {
			f.look(e.Name())
		}
	}
	f.refuseTwins()
	slices.SortFunc(f.Executables, func(a, b Executable) int { return strings.Compare(a.Class, b.Class) })
	slices.SortFunc(f.Refused, func(a, b Refusal) int { return strings.Compare(a.Path, b.Path) })
	return f, nil
}

// RefusedGo returns those of Refused that would be part of a Go build: Go
// files, go.mod and go.sum, and what stands in their place. A build without
// them would be another program, so there should be none.
func (f *Folder) RefusedGo() []Refusal {
	var out []Refusal
	for _, r := range f.Refused {
		if isGo(filepath.Base(r.Path)) {
			out = append(out, r)
		}
	}
	return out
}

// look sorts one entry into GoFiles, Executables or Refused, or ignores it.
func (f *Folder) look(name string) {
	path := filepath.Join(f.Dir, name)
	in, err := examine(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && in.dir:
		return // gone meanwhile, or a subfolder
	case err != nil:
		f.refuse(path, "cannot be examined: "+reason(err))
	case in.special != "":
		f.refuse(path, in.special)
	case isGo(name):
		f.lookGo(name, path, in)
	case in.executable:
		f.lookExecutable(path)
	case startsScript(path):
		f.refuse(path, "starts with #! but is not executable: chmod +x, or remove its first line")
	}
}

func (f *Folder) lookGo(name, path string, in info) {
	switch why := nameProblem(name); {
	case why != "":
		f.refuse(path, why)
	case in.insecure != "":
		f.refuse(path, in.insecure)
	case strings.HasSuffix(name, ".go"):
		f.GoFiles = append(f.GoFiles, name)
	}
}

func (f *Folder) lookExecutable(path string) {
	e, err := newExecutable(path)
	var refused *Refusal
	switch {
	case err == nil:
		f.Executables = append(f.Executables, e)
	case errors.As(err, &refused):
		f.Refused = append(f.Refused, *refused)
	default:
		f.refuse(path, reason(err))
	}
}

// refuseTwins moves executables that share a class to Refused.
func (f *Folder) refuseTwins() {
	files := map[string][]string{}
	for _, e := range f.Executables {
		files[e.Class] = append(files[e.Class], filepath.Base(e.Path))
	}
	f.Executables = slices.DeleteFunc(f.Executables, func(e Executable) bool {
		twins := files[e.Class]
		if len(twins) < 2 {
			return false
		}
		f.refuse(e.Path, "class "+e.Class+" is given by "+strings.Join(twins, " and ")+": rename or remove all but one")
		return true
	})
}

func (f *Folder) refuse(path, why string) {
	f.Refused = append(f.Refused, Refusal{Path: path, Reason: why})
}
