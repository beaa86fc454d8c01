package gobuild

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helperProcess(dir))
	}
	goleak.VerifyTestMain(m)
}

// buildTime bounds a test: a build starts with compiling the standard library if
// the go command's cache is empty.
const buildTime = 5 * time.Minute

type files map[string]string

// tree writes the files below a new folder, which has the stub in lgtask/, and
// returns the folder's real path.
func tree(t *testing.T, f files) string {
	t.Helper()
	root := realPath(t.TempDir())
	write(t, root, files{"lgtask/lgtask.go": stub, "lgtask/go.mod": "module github.com/lgtask/lgtask\n\ngo 1.25.0\n"})
	write(t, root, f)
	return root
}

// write writes files below root.
func write(t testing.TB, root string, f files) {
	t.Helper()
	for name, text := range f {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.Remove(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

// kit is a builder with what a test wants to know of it.
type kit struct {
	*Builder
	t     *testing.T
	built atomic.Int32 // how often the compiler was started
	onLog func()       // if not nil, called when the compiler is about to start
}

// newKit returns a builder of root/dir. All builders of a test share a cache.
func newKit(t *testing.T, root, dir string, env ...string) *kit {
	t.Helper()
	k := &kit{t: t}
	k.Builder = New(Options{
		Dir: filepath.Join(root, dir), Cache: filepath.Join(root, "cache"), Env: testEnv(env...),
		Log: func(text string) {
			if !strings.HasPrefix(text, "building ") {
				t.Errorf("log: %s", text)
				return
			}
			k.built.Add(1)
			if k.onLog != nil {
				k.onLog()
			}
		},
	})
	return k
}

// testEnv keeps the go command off the network and free of the caller's settings.
func testEnv(more ...string) []string {
	return environ(os.Environ()).with("GOPROXY=off", "GOFLAGS=", "GOWORK=", "GOENV=off").with(more...)
}

// withoutGo makes the kit find no go command.
func (k *kit) withoutGo() *kit {
	k.env = k.env.with("PATH=", "GOROOT=")
	k.places = func(environ) []string { return nil }
	return k
}

// build must succeed. It returns the result and what the program prints.
func (k *kit) build(args ...string) (Result, string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	r, err := k.Build(ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, r.Program, args...).CombinedOutput()
	if err != nil {
		k.t.Fatalf("run the program: %v\n%s", err, out)
	}
	return r, string(out)
}

// fails builds and returns the error, which must be one line.
func (k *kit) fails() error {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	r, err := k.Build(ctx)
	if err == nil {
		k.t.Fatalf("built %s", r.Program)
	}
	if strings.Contains(err.Error(), "\n") {
		k.t.Errorf("more than one line: %s", err)
	}
	return err
}

func (k *kit) wantBuilt(n int32) {
	k.t.Helper()
	if got := k.built.Load(); got != n {
		k.t.Errorf("the compiler was started %d times, want %d", got, n)
	}
}

func (k *kit) wantChanged(want bool) {
	k.t.Helper()
	if got := k.Changed(); got != want {
		k.t.Errorf("Changed() = %v, want %v", got, want)
	}
}

// snapshot lists all below dir but the cache, with contents and times.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(dir, "cache") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil || path == dir {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			sum, err := fileSum(path)
			fmt.Fprintln(&b, sum)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// unwritten returns a function that makes the test fail if anything below dir but
// the cache is not as it was.
func unwritten(t *testing.T, dir string) (check func()) {
	t.Helper()
	before := snapshot(t, dir)
	return func() {
		t.Helper()
		if after := snapshot(t, dir); after != before {
			t.Errorf("something was written:\n%s\nbefore:\n%s", after, before)
		}
	}
}

// wantLines checks what a program prints, but for the key in the last line.
func wantLines(t *testing.T, r Result, out string, lines ...string) {
	t.Helper()
	want := strings.Join(append(lines, r.Key), "\n") + "\n"
	if out != want {
		t.Errorf("the program prints\n%s\nwant\n%s", out, want)
	}
}

// checkout is the root of lgtask's own source.
func checkout(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
