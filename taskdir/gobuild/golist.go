package gobuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// goEnv is what the go command says of itself and of the module in a folder.
type goEnv struct {
	GOVERSION, GOOS, GOARCH, CGO_ENABLED string
	GOFLAGS, GOMODCACHE                  string
	GOMOD                                string // empty outside a module
	GOWORK                               string // empty if there is none, or it is off
}

func (g goCommand) readEnv(ctx context.Context) (goEnv, error) {
	var e goEnv
	out, err := g.run(ctx, "env", "-json", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED", "GOFLAGS", "GOMODCACHE", "GOMOD", "GOWORK")
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(out, &e); err != nil {
		return e, fmt.Errorf("read the output of go env: %w", err)
	}
	if filepath.Base(e.GOMOD) != "go.mod" {
		e.GOMOD = "" // the null device
	}
	if e.GOWORK == "off" {
		e.GOWORK = ""
	}
	return e, nil
}

// goPackage is a package as "go list" describes it.
type goPackage struct {
	ImportPath    string
	Dir           string
	Standard      bool
	Match         []string // what on the command line names it
	GoFiles       []string
	CgoFiles      []string
	EmbedPatterns []string
	Module        *goModule
	Error         *goError
}

type goModule struct {
	Path  string
	Dir   string
	GoMod string
	Main  bool
}

type goError struct {
	Pos string
	Err string
}

// list returns the packages that the arguments name and all that they import.
// What is wrong with a package is in its Error.
func (g goCommand) list(ctx context.Context, flags, packages []string) ([]goPackage, error) {
	args := append([]string{"list", "-e", "-deps",
		"-json=ImportPath,Dir,Standard,Match,GoFiles,CgoFiles,EmbedPatterns,Module,Error"}, flags...)
	out, err := g.run(ctx, append(append(args, "--"), packages...)...)
	if err != nil {
		return nil, err
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the output of go list: %w", err)
		}
		list = append(list, p)
	}
}

// matched returns the package that arg named.
func matched(list []goPackage, arg string) *goPackage {
	for i := range list {
		for _, m := range list[i].Match {
			if m == arg {
				return &list[i]
			}
		}
	}
	return nil
}

// modFile is go.mod or go.work, as far as it is needed here.
type modFile struct {
	Go      string
	Require []struct{ Path, Version string }
	Replace []struct {
		New struct{ Path, Version string }
	}
	Use []struct{ DiskPath string }
}

// editJSON reads a go.mod (tool "mod") or go.work (tool "work") file.
func (g goCommand) editJSON(ctx context.Context, tool, file string) (*modFile, error) {
	out, err := g.run(ctx, tool, "edit", "-json", file)
	if err != nil {
		return nil, err
	}
	m := &modFile{}
	if err := json.Unmarshal(out, m); err != nil {
		return nil, fmt.Errorf("read the output of go %s edit: %w", tool, err)
	}
	return m, nil
}

// localModules returns the folders that the file replaces modules by or uses.
func (m *modFile) localModules(dir string) (dirs []string) {
	for _, r := range m.Replace {
		if r.New.Version == "" {
			dirs = append(dirs, r.New.Path)
		}
	}
	for _, u := range m.Use {
		dirs = append(dirs, u.DiskPath)
	}
	for i, d := range dirs {
		if !filepath.IsAbs(d) {
			dirs[i] = filepath.Join(dir, filepath.FromSlash(d))
		}
	}
	return dirs
}

// below reports whether path is dir or in it.
func below(path, dir string) bool {
	return dir != "" && (path == dir || strings.HasPrefix(path, dir+string(filepath.Separator)))
}
