//go:build unix

package taskdir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/taskdir"
)

// TestOpenChecksAgain exchanges a file, or spoils what leads to it, after the scan.
func TestOpenChecksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"removed": {func(t *testing.T, path string) { must(t, os.Remove(path)) }, "not there any more"},
		"link": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Symlink("/bin/sh", path))
		}, "symbolic link"},
		"pipe": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, unix.Mkfifo(path, 0o755))
		}, "named pipe"},
		"folder": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o755))
		}, "folder"},
		"writable":       {func(t *testing.T, path string) { must(t, os.Chmod(path, 0o777)) }, "chmod go-w"},
		"setuid":         {func(t *testing.T, path string) { must(t, os.Chmod(path, 0o755|os.ModeSetuid)) }, "chmod ug-s"},
		"not executable": {func(t *testing.T, path string) { must(t, os.Chmod(path, 0o644)) }, "chmod +x"},
		"folder writable": {func(t *testing.T, path string) {
			must(t, os.Chmod(filepath.Dir(path), 0o777))
		}, "chmod go-w"},
		"folder is a link": {func(t *testing.T, path string) {
			dir := filepath.Dir(path)
			must(t, os.Rename(dir, dir+"-2"))
			must(t, os.Symlink(dir+"-2", dir))
		}, "has become a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(folder(t), "tasks")
			must(t, os.Mkdir(dir, 0o755))
			write(t, dir, "job.sh", script, 0o755)
			e := scan(t, dir).Executables[0]
			c.spoil(t, e.Path)
			f, err := e.Open()
			var refused *taskdir.Refusal
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, %v; want a *Refusal with %q", f, err, c.want)
			}
		})
	}
}

// TestOpenKeepsTheCheckedFile shows that what was opened stays the same file.
func TestOpenKeepsTheCheckedFile(t *testing.T) {
	dir := folder(t)
	path := write(t, dir, "job.sh", "#!/bin/sh\necho checked", 0o755)
	f, err := scan(t, dir).Executables[0].Open()
	must(t, err)
	defer f.Close()
	must(t, os.Rename(write(t, dir, ".new", "#!/bin/sh\necho exchanged", 0o755), path))
	text, err := io.ReadAll(f)
	must(t, err)
	if !strings.Contains(string(text), "checked") {
		t.Errorf("read %q", text)
	}
}
