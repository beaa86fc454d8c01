//go:build image

package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goImage and runtimeImage are the names of the bases made here, for the
// arguments GO_IMAGE and RUNTIME_IMAGE.
const (
	goImage      = "localhost/base-go"
	runtimeImage = "localhost/base-runtime"
)

// Where a build with goFlags finds what the machine has.
const (
	goRoot    = "/usr/local/go"
	goModules = "/modules" // as a proxy, so that the build downloads as it would elsewhere
	goCache   = "/cache"
)

// goBase makes the base of build stages: install(1) of this machine, the CA
// roots given and settings of Go. Go itself is mounted: copying it takes longer
// than all the rest.
func (b *buildah) goBase(t *testing.T, roots []byte) {
	t.Helper()
	dir := t.TempDir()
	copyPrograms(t, dir, "install", "chmod")
	// With chroot isolation buildah looks for programs by a PATH of its own.
	err := errors.Join(os.Symlink(goRoot+"/bin/go", filepath.Join(dir, "usr/bin/go")), os.Mkdir(filepath.Join(dir, "tmp"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "etc/ssl/certs/ca-certificates.crt"), roots)
	b.base(t, "base-go", dir, "PATH=/usr/bin", "GOPROXY=file://"+goModules, "GOSUMDB=off", "GOCACHE="+goCache)
}

// goFlags mount what goBase lacks: Go, the modules that the project needs, and
// what was compiled before.
func goFlags(t *testing.T, project string) []string {
	t.Helper()
	run(t, project, "go", "mod", "download")
	env := strings.Split(strings.TrimSpace(run(t, project, "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE")), "\n")
	return []string{
		"--build-arg", "GO_IMAGE=" + goImage,
		"--volume", env[0] + ":" + goRoot + ":ro",
		"--volume", filepath.Join(env[1], "cache/download") + ":" + goModules + ":ro",
		"--volume", env[2] + ":" + goCache,
	}
}

// runtimeBase makes the base of an image with executables: the shell of this
// machine and what the tasks of the tests call.
func (b *buildah) runtimeBase(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	copyPrograms(t, dir, "sh", "cat", "sleep", "chmod")
	b.base(t, "base-runtime", dir, "PATH=/usr/bin")
}

// base makes an image of a folder.
func (b *buildah) base(t *testing.T, name, dir string, env ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Dockerfile")
	write(t, file, fmt.Appendf(nil, "FROM scratch\nCOPY . /\nENV %s\n", strings.Join(env, " ")))
	b.build(t, name, file, dir)
}

// copyPrograms copies programs of this machine into /usr/bin of a root.
func copyPrograms(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := strings.TrimSpace(run(t, "", "sh", "-c", "command -v "+name))
		copyProgram(t, root, path, filepath.Join("/usr/bin", name))
	}
	if err := os.Symlink("usr/bin", filepath.Join(root, "bin")); err != nil {
		t.Fatal(err)
	}
}

// library matches the paths of the shared libraries in what ldd writes.
var library = regexp.MustCompile(`(?m)(/\S+) \(0x`)

// copyProgram copies a program with the shared libraries it needs.
func copyProgram(t *testing.T, root, from, to string) {
	t.Helper()
	copyFile(t, from, filepath.Join(root, to))
	for _, lib := range library.FindAllStringSubmatch(run(t, "", "ldd", from), -1) {
		copyFile(t, lib[1], filepath.Join(root, lib[1]))
	}
}

// copyProject copies the project, so that nothing changes under the builds.
func copyProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyFolder(t, "../..", dir)
	return dir
}

// copyFolder copies a folder's files, without hidden ones and bin.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(from, path)
		switch {
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case rel != "." && strings.HasPrefix(d.Name(), ".") || rel == "bin":
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			copyFile(t, path, filepath.Join(to, rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// copyFile copies what a path leads to, with its mode.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		return // behind a symbolic link
	}
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, content)
	if err := os.Chmod(to, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
