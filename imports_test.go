package lgtask_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lgtask/lgtask"

// maxLines bounds a file: what is longer holds more than one concept.
const maxLines = 400

// sourceFile is one parsed Go file of the module.
type sourceFile struct {
	name string // slash-separated path below the root
	dir  string // its folder, "." for the root
	test bool
	size int // in lines
	ast  *ast.File
	fset *token.FileSet
}

// imports lists the paths that the file imports.
func (f sourceFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// sourceFiles parses every Go file of the module, of all systems. Hidden
// folders and testdata are not part of it, nor are folders with a go.mod of their own.
func sourceFiles(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && outside(name):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		slash := filepath.ToSlash(name)
		files = append(files, sourceFile{
			name: slash, dir: path.Dir(slash), test: strings.HasSuffix(slash, "_test.go"),
			size: bytes.Count(text, []byte("\n")), ast: parsed, fset: fset,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func outside(dir string) bool {
	base := filepath.Base(dir)
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return strings.HasPrefix(base, ".") || base == "testdata" || !errors.Is(err, fs.ErrNotExist)
}

// TestPackageDocs wants every package to say what it guarantees.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sourceFiles(t) {
		if !f.test {
			documented[f.dir] = documented[f.dir] || f.ast.Doc != nil
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestFileSize(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.size > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by concept", f.name, f.size, maxLines)
		}
	}
}

// forbidden lists what the files of a folder may not import, tests excepted:
// the parts stay apart so that each can be read, tested and replaced alone.
var forbidden = map[string]func(path string) bool{
	"watcher":    isAny(module+"/dispatcher", module+"/timers"),
	"dispatcher": isAny(module+"/watcher", module+"/timers"),
	"timers":     isAny(module+"/watcher", module+"/dispatcher", module+"/tasks", "go.mongodb.org/mongo-driver"),
	"tasks":      isAny(module),
	".":          isAny("github.com/prometheus"), // metrics are for those who import their package
}

// isAny matches the paths given and those below them.
func isAny(roots ...string) func(string) bool {
	return func(p string) bool {
		return slices.ContainsFunc(roots, func(root string) bool {
			return p == root || strings.HasPrefix(p, root+"/")
		})
	}
}

func TestImportDirection(t *testing.T) {
	for _, f := range sourceFiles(t) {
		bad, ok := forbidden[f.dir]
		if !ok || f.test {
			continue
		}
		for _, p := range f.imports() {
			if bad(p) {
				t.Errorf("%s imports %s", f.name, p)
			}
		}
	}
}

// TestNoSleepNoSkip keeps tests from waiting for time to pass, which is slow
// and still fails now and then, and from passing without having run.
func TestNoSleepNoSkip(t *testing.T) {
	skips := map[string]bool{"Skip": true, "Skipf": true, "SkipNow": true}
	for _, f := range sourceFiles(t) {
		if !f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			switch {
			case ok && x.Name == "time" && sel.Sel.Name == "Sleep":
				t.Errorf("%s sleeps: wait for a signal, a condition or, in a synctest bubble, <-time.After", f.fset.Position(n.Pos()))
			case ok && skips[sel.Sel.Name]:
				t.Errorf("%s skips: a test that cannot run must fail", f.fset.Position(n.Pos()))
			}
			return true
		})
	}
}
