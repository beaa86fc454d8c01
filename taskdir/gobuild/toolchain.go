package gobuild

import (
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// toolchain is a go command.
type toolchain struct {
	path string
	id   string // changes when another go command is found, or this one is replaced
}

// findToolchain looks for a go command: on PATH, in GOROOT, then where it is
// usually installed, the newest version first. It starts nothing. Folders of PATH
// that are not absolute are left out: what they name depends on where one is.
func (b *Builder) findToolchain() (toolchain, error) {
	return firstToolchain(append(onPath(b.env), b.places(b.env)...))
}

func onPath(e environ) []string {
	dirs := filepath.SplitList(e.get("PATH"))
	if root := e.get("GOROOT"); root != "" {
		dirs = append(dirs, filepath.Join(root, "bin"))
	}
	return dirs
}

// installed lists where a go command is usually installed.
func installed(e environ) []string {
	dirs := []string{filepath.Join(runtimeRoot(), "bin")}
	if home := homeIn(e); home != "" {
		dirs = append(dirs, filepath.Join(home, "go", "bin"))
		dirs = append(dirs, newestFirst(filepath.Join(home, "sdk", "go*", "bin"))...)
	}
	dirs = append(dirs, newestFirst("/usr/lib/go*/bin")...)
	return append(dirs, "/opt/homebrew/bin", "/usr/local/bin", "/snap/go/current/bin", "/snap/bin")
}

// runtimeRoot is where the installers of go.dev put Go.
func runtimeRoot() string {
	if runtime.GOOS == "windows" {
		return `C:\Program Files\Go`
	}
	return "/usr/local/go"
}

// newestFirst returns the folders that the pattern matches, such as
// sdk/go1.25.1/bin and lib/go-1.24/bin, ordered by the version in the name before the last.
func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil // a home with a bracket in its name that does not close
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return version.Compare(versionOf(b), versionOf(a)) })
	return dirs
}

func versionOf(bin string) string {
	return strings.Replace(filepath.Base(filepath.Dir(bin)), "go-", "go", 1)
}

func firstToolchain(dirs []string) (toolchain, error) {
	name := "go"
	if runtime.GOOS == "windows" {
		name = "go.exe"
	}
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err != nil || !executable(info) {
			continue
		}
		id, err := identity(file)
		if err != nil {
			continue // removed in between, or a link that leads nowhere
		}
		return toolchain{path: file, id: id}, nil
	}
	return toolchain{}, ErrNoToolchain
}

func executable(info os.FileInfo) bool {
	return info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

// identity describes the go command without starting it: its file, and that of
// the version beside it, which an update of a linked or wrapped command changes.
func identity(file string) (string, error) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s %d %d", real, info.Size(), info.ModTime().UnixNano())
	versionFile := filepath.Join(filepath.Dir(filepath.Dir(real)), "VERSION")
	if info, err := os.Stat(versionFile); err == nil { // packages of some systems have none
		id += fmt.Sprintf(" %d %d", info.Size(), info.ModTime().UnixNano())
	}
	return id, nil
}
