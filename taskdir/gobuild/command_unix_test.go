//go:build unix

package gobuild

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKillGroup ends the context of a command that has started another one. The
// pipe that the other one holds ends only when it is dead.
func TestKillGroup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		g := goCommand{path: "/bin/sh", dir: dir, env: environ{"PATH=/usr/bin:/bin"}}
		_, err := g.run(ctx, "-c", "sleep 600 > pipe & wait")
		ended <- err
	}()
	f, err := os.Open(pipe) // waits for the other command
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cancel()
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %T %v", err, err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	g := goCommand{path: "/bin/sh", dir: t.TempDir(), env: environ{"PATH=/usr/bin:/bin"}}
	_, err := g.run(t.Context(), "-c", "yes a.go:1:2: wrong | head -n 100000 >&2; exit 1")
	var e *errGo
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v", err, err)
	}
	if n := len(e.output); n < maxOutput/2 || n > maxOutput+100 || !strings.HasSuffix(e.output, ": wrong\n(the rest was cut off)\n") {
		t.Errorf("%d bytes are kept, the end is %q", n, e.output[max(0, n-60):])
	}
}

// TestWarmStartsNothing counts the starts of the go command.
func TestWarmStartsNothing(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	tool, err := New(Options{}).findToolchain()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(root, "starts")
	write(t, root, files{"bin/go": "#!/bin/sh\necho \"$1\" >> '" + log + "'\nexec '" + tool.path + "' \"$@\"\n"})
	if err := os.Chmod(filepath.Join(root, "bin/go"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH")
	newKit(t, root, "mod/tasks", path).build()
	first := read(t, log)
	if !strings.Contains(first, "build\n") {
		t.Fatalf("the first build started: %q", first)
	}
	k := newKit(t, root, "mod/tasks", path)
	k.build()
	write(t, root, files{"mod/tasks/hello.go": read(t, filepath.Join(root, "mod/tasks/hello.go"))})
	k.wantChanged(false)
	k.build()
	if all := read(t, log); all != first {
		t.Errorf("later ones started: %q", strings.TrimPrefix(all, first))
	}
}
