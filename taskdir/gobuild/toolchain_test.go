package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func goName() string {
	if runtime.GOOS == "windows" {
		return "go.exe"
	}
	return "go"
}

// fakeGo puts a file that could be a go command into dir.
func fakeGo(t *testing.T, dir ...string) string {
	t.Helper()
	file := filepath.Join(append(dir, goName())...)
	write(t, "", files{file: "#!/bin/false\n"})
	if err := os.Chmod(file, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestNoToolchain(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	k := newKit(t, root, "mod/tasks").withoutGo()
	if err := k.fails(); !errors.Is(err, ErrNoToolchain) || !strings.Contains(err.Error(), "lgtaskprocessor build") {
		t.Errorf("got %T %v", err, err)
	}
	k.wantChanged(false)
	k.env = k.env.with("PATH=" + filepath.Dir(fakeGo(t, t.TempDir())))
	k.wantChanged(true)
}

func TestFindToolchain(t *testing.T) {
	t.Parallel()
	dir := realPath(t.TempDir())
	find := func(want string, env ...string) {
		t.Helper()
		b := New(Options{Env: append([]string{"LANG=C"}, env...)})
		b.places = func(e environ) []string { return newestFirst(filepath.Join(dir, "sdk", "go*", "bin")) }
		if got, err := b.findToolchain(); err != nil || got.path != want {
			t.Errorf("with %v: got %v, %v; want %s", env, got, err, want)
		}
	}
	fakeGo(t, dir, "sdk", "go1.9.7", "bin")
	newest := fakeGo(t, dir, "sdk", "go1.25.10", "bin")
	fakeGo(t, dir, "sdk", "go1.25.9", "bin")
	fakeGo(t, dir, "sdk", "gotip-broken", "bin")
	find(newest)
	find(newest, "PATH=.:relative")
	root := fakeGo(t, dir, "root", "bin")
	find(root, "GOROOT="+filepath.Join(dir, "root"))
	inPath := fakeGo(t, dir, "path")
	path := strings.Join([]string{filepath.Join(dir, "none"), filepath.Dir(inPath)}, string(filepath.ListSeparator))
	find(inPath, "GOROOT="+filepath.Join(dir, "root"), "PATH="+path)
	if runtime.GOOS != "windows" {
		write(t, dir, files{"none/go": "not executable"})
		find(inPath, "PATH="+path)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := fakeGo(t, root, "bin")
	id := func() string {
		t.Helper()
		id, err := identity(file)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := id()
	write(t, root, files{"VERSION": "go1.25.1"})
	second := id()
	write(t, root, files{"VERSION": "go1.25.10"})
	if third := id(); first == second || second == third {
		t.Errorf("the version is not seen: %s, %s, %s", first, second, third)
	}
}

// TestCron builds with the little that cron sets. Where Go is must be told, since
// it is not at a usual place on every machine.
func TestCron(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	tool, err := New(Options{}).findToolchain()
	if err != nil {
		t.Fatal(err)
	}
	goroot, err := goCommand{path: tool.path, dir: root, env: testEnv()}.run(t.Context(), "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	k := newKit(t, root, "mod/tasks")
	k.env = environ{"GOPROXY=off", "GOROOT=" + strings.TrimSpace(string(goroot))}
	r, out := k.build()
	wantLines(t, r, out, "Hello", "x")
}

func TestCompleted(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	e := environ{"HOME=" + home, "USERPROFILE=" + home, "PATH=/x", "PATH=/y"}.completed("/cache")
	if e.get("PATH") != "/y" || e.get("GOPATH") != "" || e.get("GOCACHE") != "" {
		t.Errorf("got %v", e)
	}
	if runtime.GOOS == "windows" {
		return // what follows is of systems with HOME
	}
	e = environ{"HOME=" + filepath.Join(home, "no", "\x00"), "PATH="}.completed("/cache")
	if e.get("GOCACHE") != filepath.Join("/cache", "go-build") || e.get("PATH") == "" {
		t.Errorf("without a home that can be written: got %v", e)
	}
}

func TestSettingsSum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := environ{"HOME=" + dir, "AppData=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "GOENV=" + filepath.Join(dir, "env")}
	sum := base.settingsSum()
	for _, same := range []environ{base.with("GOPROXY=off"), base.with("GOOGLE_APPLICATION_CREDENTIALS=x"), base.with("HOME=/")} {
		if same.settingsSum() != sum {
			t.Errorf("%v counts", same[len(base):])
		}
	}
	for _, other := range []environ{base.with("GOFLAGS=-tags=x"), base.with("CGO_ENABLED=0")} {
		if other.settingsSum() == sum {
			t.Errorf("%v does not count", other[len(base):])
		}
	}
	write(t, dir, files{"env": "GOFLAGS='-tags=a,b' -mod=mod\n"})
	if base.settingsSum() == sum {
		t.Error("the file of go env -w does not count")
	}
	if got := base.flag("tags"); got != "a,b" {
		t.Errorf("tags %q", got)
	}
	if got := base.with("GOFLAGS=--modfile=x.mod").flag("modfile"); got != "x.mod" {
		t.Errorf("modfile %q", got)
	}
}
