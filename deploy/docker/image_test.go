//go:build image

package docker

import (
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// userID is the user and the group of the images.
const userID = 65532

// TestImages builds the image of the processor, which those of task folders are
// made from, and all of these, and looks at each and starts it.
func TestImages(t *testing.T) {
	b, ca, project := newBuildah(t), newAuthority(t), copyProject(t)
	b.goBase(t, ca.bundle(t))
	flags := goFlags(t, project)
	file := filepath.Join(project, "deploy/docker/Dockerfile")
	b.build(t, "lgtask", file, project, append(flags, "--ignorefile", file+".dockerignore",
		"--build-arg", "VERSION=v1.2.3", "--build-arg", "REVISION=0123abc")...)
	t.Run("processor", func(t *testing.T) { testProcessorImage(t, b, ca, project) })
	t.Run("taskdir", func(t *testing.T) { testTaskDirImages(t, b, ca, project, flags) })
}

func testProcessorImage(t *testing.T, b *buildah, ca *authority, project string) {
	root, config := b.filesystem(t, "lgtask"), b.config(t, "lgtask")
	t.Run("files", func(t *testing.T) { wantTree(t, root, processorFiles()) })
	t.Run("program", func(t *testing.T) {
		program := filepath.Join(root, "lgtaskprocessor")
		wantStatic(t, program)
		wantBuildSettings(t, program)
		wantReproducible(t, program, project)
	})
	t.Run("config", func(t *testing.T) {
		wantConfig(t, config, "/lgtaskprocessor", "/lgtaskprocessor")
		wantLabels(t, config)
	})
	t.Run("run", func(t *testing.T) {
		testContainer(t, ca, container{root: root, config: config, ready: processorsReady}, work{class: "Echo", log: `{"name":"world"}`})
	})
}

func processorFiles() map[string]fs.FileMode {
	return map[string]fs.FileMode{
		"lgtaskprocessor": 0o755,
		"tmp":             fs.ModeDir | fs.ModeSticky | 0o777,
		"etc":             fs.ModeDir | 0o755, "etc/ssl": fs.ModeDir | 0o755, "etc/ssl/certs": fs.ModeDir | 0o755,
		"etc/ssl/certs/ca-certificates.crt": 0o444,
	}
}

// wantTree wants these files and folders and no others, owned by root.
func wantTree(t *testing.T, root string, want map[string]fs.FileMode) {
	t.Helper()
	got := map[string]fs.FileMode{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := d.Info()
		if err == nil {
			got[path] = info.Mode()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if mode, ok := want[path]; !ok || mode != got[path] {
			t.Errorf("%s has the mode %v; want %v (0: no such file)", path, got[path], mode)
		}
		if uid, gid := owner(t, filepath.Join(root, path)); uid != 0 || gid != 0 {
			t.Errorf("%s is owned by %d:%d, want root", path, uid, gid)
		}
	}
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("there is no %s", path)
		}
	}
}

// wantStatic wants a program that needs no other file and has no symbols.
func wantStatic(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s has the segment %v: it is not static", program, p.Type)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Errorf("%s has symbols or debug data", program)
	}
}

func wantBuildSettings(t *testing.T, program string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{"CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": ""} {
		if got[key] != want {
			t.Errorf("the program was built with %s=%q, want %q", key, got[key], want)
		}
	}
}

// wantReproducible wants the program to be the same, byte by byte, when it is
// built in another folder and outside of a container.
func wantReproducible(t *testing.T, program, project string) {
	t.Helper()
	again := filepath.Join(t.TempDir(), "again")
	t.Setenv("CGO_ENABLED", "0")
	t.Setenv("GOFLAGS", "-trimpath -buildvcs=false")
	run(t, project, "go", "build", "-ldflags=-s -w", "-o", again, "./cmd/lgtaskprocessor")
	if sum(t, program) != sum(t, again) {
		t.Errorf("%s and %s differ", program, again)
	}
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

// wantConfig wants an image that runs a program as the user, and whose health is
// checked by another, or the same.
func wantConfig(t *testing.T, c imageConfig, program, checker string) {
	t.Helper()
	if c.User != "65532:65532" || c.StopSignal != "SIGTERM" {
		t.Errorf("user %q, stop signal %q", c.User, c.StopSignal)
	}
	if !slices.Equal(c.Entrypoint, []string{program}) || len(c.Cmd) != 0 {
		t.Errorf("entry point %q, command %q", c.Entrypoint, c.Cmd)
	}
	if h := c.Healthcheck; h == nil || !slices.Equal(h.Test, []string{"CMD", checker, "health"}) ||
		h.Interval != 30*time.Second || h.Timeout != 10*time.Second || h.StartPeriod != 30*time.Second || h.Retries != 3 {
		t.Errorf("health check %+v", h)
	}
	if !slices.Contains(c.Env, "LGTASK_LOCK_DIR=/tmp/lgtask") {
		t.Errorf("environment %q", c.Env)
	}
	for _, e := range c.Env {
		if strings.HasPrefix(e, "LGTASK_DATABASE") {
			t.Errorf("the image names a database: %s", e)
		}
	}
}

func wantLabels(t *testing.T, c imageConfig) {
	t.Helper()
	for label, want := range map[string]string{"title": "lgtaskprocessor", "licenses": "Apache-2.0", "version": "v1.2.3", "revision": "0123abc",
		"source": "https://github.com/lgtask/lgtask", "description": "Task processors on MongoDB change streams"} {
		if got := c.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
}

// bundle returns the CA roots of this machine with the test's own among them.
func (a *authority) bundle(t *testing.T) []byte {
	t.Helper()
	roots, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Fatalf("%v: install ca-certificates", err)
	}
	all := append(roots, a.pem...)
	if !x509.NewCertPool().AppendCertsFromPEM(all) {
		t.Fatal("no certificate can be read")
	}
	return all
}
