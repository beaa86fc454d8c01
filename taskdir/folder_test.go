//go:build unix

package taskdir_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/taskdir"
)

const script = "#!/bin/sh\n"

// folder returns an empty task directory that passes the checks, whatever the umask.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write puts a file of the exact mode into dir and returns its path.
func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.Chmod(path, mode))
	return path
}

// shared gives a file to a group that others are in, where this user may do so;
// elsewhere the user's own group must not be private.
func shared(t *testing.T, path string) string {
	t.Helper()
	if os.Geteuid() == 0 {
		must(t, os.Chown(path, 0, 65534))
	}
	return path
}

func scan(t *testing.T, dir string) *taskdir.Folder {
	t.Helper()
	f, err := taskdir.Scan(dir)
	must(t, err)
	return f
}

func TestScanSortsFiles(t *testing.T) {
	dir := folder(t)
	for name, mode := range map[string]os.FileMode{
		"zeta.py": 0o755, "alpha": 0o700, "report.v2.sh": 0o555,
		"b.go": 0o644, "a.go": 0o644, "a_test.go": 0o644, "go.mod": 0o644,
		".hidden.sh": 0o755, "_aside.sh": 0o755, "zeta.py~": 0o755, "#zeta.py#": 0o755, "_x.go": 0o644,
	} {
		write(t, dir, name, script, mode)
	}
	write(t, dir, "notes on data.txt", "nothing", 0o666)
	must(t, os.Mkdir(filepath.Join(dir, "helpers.py"), 0o777))

	f := scan(t, dir)
	if f.Dir != dir {
		t.Errorf("Dir = %q, want %q", f.Dir, dir)
	}
	if want := []string{"a.go", "b.go"}; !slices.Equal(f.GoFiles, want) {
		t.Errorf("GoFiles = %q, want %q", f.GoFiles, want)
	}
	var classes []string
	for _, e := range f.Executables {
		classes = append(classes, e.Class+" "+filepath.Base(e.Path))
	}
	if want := []string{"alpha alpha", "report.v2 report.v2.sh", "zeta zeta.py"}; !slices.Equal(classes, want) {
		t.Errorf("executables %q, want %q", classes, want)
	}
	if len(f.Refused) > 0 || len(f.RefusedGo()) > 0 {
		t.Errorf("refused: %v", f.Refused)
	}
}

func TestScanRefuses(t *testing.T) {
	dir, outside := folder(t), folder(t)
	target := write(t, outside, "target.sh", script, 0o755)
	inside := write(t, dir, "inside.sh", script, 0o755)
	link := func(to, name string) { must(t, os.Symlink(to, filepath.Join(dir, name))) }
	link(target, "out.sh")
	link("/etc/passwd", "passwd")
	link(inside, "in.sh")
	link("/does/not/exist", "dangling.sh")
	link(outside, "linkeddir")
	link(target, "linked.go")
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo.sh"), 0o755))
	socket, err := net.Listen("unix", filepath.Join(dir, "socket.sh"))
	must(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	write(t, dir, "setuid.sh", script, 0o755|os.ModeSetuid)
	write(t, dir, "setgid.sh", script, 0o755|os.ModeSetgid)
	shared(t, write(t, dir, "group.sh", script, 0o775))
	write(t, dir, "world.sh", script, 0o757)
	write(t, dir, "world.go", "package tasks", 0o646)
	write(t, dir, "go.mod", "module tasks", 0o666)
	write(t, dir, "forgotten.sh", script, 0o644)
	write(t, dir, "badline.sh", script+"# lgtask: timeout=never\n", 0o755)
	bad := []string{"with space.sh", "with\nnewline.sh", "with;semicolon.sh", "-leading.sh", "größe.sh", "9lives.sh", "bad\xff.sh",
		strings.Repeat("x", 129) + ".sh", strings.Repeat("x", 255), "with space.go", "semi;colon.go"}
	for _, name := range bad {
		write(t, dir, name, script, 0o755)
	}
	write(t, dir, "twin.py", script, 0o755)
	write(t, dir, "twin.sh", script, 0o755)

	want := map[string]string{
		"out.sh": "symbolic link", "passwd": "symbolic link", "in.sh": "symbolic link", "dangling.sh": "symbolic link",
		"linkeddir": "symbolic link", "linked.go": "symbolic link", "fifo.sh": "named pipe", "socket.sh": "socket",
		"setuid.sh": "setuid", "setgid.sh": "setuid or setgid", "group.sh": "chmod go-w", "world.sh": "chmod go-w",
		"world.go": "chmod go-w", "go.mod": "chmod go-w", "forgotten.sh": "chmod +x",
		"badline.sh": `badline.sh:2: option "timeout=never"`, "twin.py": "twin.py and twin.sh", "twin.sh": "twin.py and twin.sh",
	}
	for _, name := range bad {
		want[name] = "rename it"
	}
	if os.Geteuid() == 0 {
		must(t, os.Chown(write(t, dir, "stranger.sh", script, 0o755), 65534, 65534))
		must(t, unix.Mknod(filepath.Join(dir, "device.sh"), unix.S_IFCHR|0o755, int(unix.Mkdev(1, 3))))
		want["stranger.sh"], want["device.sh"] = "belongs to user 65534", "device"
	}
	f := scan(t, dir)
	for _, r := range f.Refused {
		name := filepath.Base(r.Path)
		reason, ok := want[name]
		if !ok || !strings.Contains(r.Reason, reason) {
			t.Errorf("%s, want %q", r.Error(), reason)
		}
		if strings.ContainsRune(r.Error(), '\n') {
			t.Errorf("more than one line: %q", r.Error())
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%q was not refused", name)
	}
	if len(f.Executables) != 1 || f.Executables[0].Class != "inside" {
		t.Errorf("executables: %v, want inside alone", f.Executables)
	}
	if n := len(f.RefusedGo()); n != 5 {
		t.Errorf("RefusedGo: %v, want 5", f.RefusedGo())
	}
}

func TestScanReadsOptions(t *testing.T) {
	dir := folder(t)
	write(t, dir, "full.py", "#!/usr/bin/env python3\n\n# lgtask: singleton timeout=5m attempts=3 priority=-10 env=AWS_REGION,FOO\n", 0o755)
	got := scan(t, dir).Executables[0].Options
	if !got.Singleton || got.Timeout != 5*time.Minute || got.Attempts != 3 || got.Priority != -10 || !slices.Equal(got.Env, []string{"AWS_REGION", "FOO"}) {
		t.Errorf("options %+v", got)
	}
}

func TestScanRefusesFolder(t *testing.T) {
	base := folder(t)
	sub := func(name string, mode os.FileMode) string {
		path := filepath.Join(base, name)
		must(t, os.Mkdir(path, 0o755))
		must(t, os.Chmod(path, mode))
		return path
	}
	file := write(t, base, "file", "", 0o644)
	loop := filepath.Join(base, "loop")
	must(t, os.Symlink(loop, loop))
	open := sub("open", 0o777)
	must(t, os.Mkdir(filepath.Join(open, "tasks"), 0o755))
	sticky := sub("sticky", 0o777|os.ModeSticky)
	must(t, os.Mkdir(filepath.Join(sticky, "tasks"), 0o755))
	cases := map[string]string{
		"": "is no path", filepath.Join(base, "missing"): "does not exist", file: "not a folder", loop: "too many",
		open: "chmod go-w", filepath.Join(open, "tasks"): "chmod go-w", sticky: "chmod go-w", shared(t, sub("group", 0o775)): "chmod go-w",
	}
	if os.Geteuid() == 0 {
		stranger := sub("stranger", 0o755)
		must(t, os.Mkdir(filepath.Join(stranger, "tasks"), 0o755))
		must(t, os.Chown(stranger, 65534, 65534))
		link := filepath.Join(base, "strangerlink")
		must(t, os.Symlink("/etc", link))
		must(t, os.Lchown(link, 65534, 65534))
		cases[stranger], cases[filepath.Join(stranger, "tasks")], cases[link] = "belongs to user 65534", "belongs to user 65534", "link of another user"
	}
	for dir, want := range cases {
		_, err := taskdir.Scan(dir)
		var dirErr *taskdir.DirError
		if !errors.As(err, &dirErr) || !strings.Contains(err.Error(), want) {
			t.Errorf("Scan(%q): %v, want a *DirError with %q", dir, err, want)
		}
	}
	if _, err := taskdir.Scan(filepath.Join(sticky, "tasks")); err != nil {
		t.Errorf("below a sticky folder: %v", err)
	}
}

func TestScanFollowsLinkToFolder(t *testing.T) {
	base := folder(t)
	must(t, os.Mkdir(filepath.Join(base, "v1"), 0o755))
	write(t, filepath.Join(base, "v1"), "one.sh", script, 0o755)
	current := filepath.Join(base, "current")
	must(t, os.Symlink("./x/../v1", current))
	must(t, os.Mkdir(filepath.Join(base, "x"), 0o755))
	f := scan(t, current)
	if want := filepath.Join(base, "v1"); f.Dir != want || f.Executables[0].Path != filepath.Join(want, "one.sh") {
		t.Errorf("Dir = %q, executables %v", f.Dir, f.Executables)
	}
	must(t, os.Mkdir(filepath.Join(base, "v2"), 0o755))
	must(t, os.Remove(current))
	must(t, os.Symlink("v2", current))
	if !f.Changed() {
		t.Error("a link that leads elsewhere is no change")
	}
	t.Chdir(base)
	if got := scan(t, "v1").Dir; got != filepath.Join(base, "v1") {
		t.Errorf("relative path: %q", got)
	}
}
