//go:build unix

package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckCache(t *testing.T) {
	t.Parallel()
	dir := realPath(t.TempDir())
	good := filepath.Join(dir, "good")
	if err := makeCache(good); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(good); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("made with %v, %v", info.Mode(), err)
	}
	refused := func(what, path string) {
		t.Helper()
		var e *CacheError
		if err := checkCache(path); !errors.As(err, &e) {
			t.Errorf("%s: got %T %v", what, err, err)
		}
	}
	for _, mode := range []os.FileMode{0o720, 0o702} {
		bad := filepath.Join(dir, mode.String())
		write(t, bad, files{"x": ""})
		if err := os.Chmod(bad, mode); err != nil {
			t.Fatal(err)
		}
		refused(mode.String(), bad)
	}
	refused("a file", filepath.Join(dir, os.FileMode(0o720).String(), "x"))
	open := filepath.Join(dir, "open")
	if err := makeCache(filepath.Join(open, "mine")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	refused("a folder above", filepath.Join(open, "mine"))
	if err := os.Chmod(open, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := checkCache(filepath.Join(open, "mine")); err != nil {
		t.Errorf("as in /tmp: %v", err)
	}
	refused("another user's", notOurs(t))
}

// notOurs returns a folder of another user than the one who runs the test.
func notOurs(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		return "/"
	}
	dir := filepath.Join(t.TempDir(), "theirs")
	if err := makeCache(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDefaultCache sets the process's environment and can have no others beside it.
func TestDefaultCache(t *testing.T) {
	home, tmp := realPath(t.TempDir()), realPath(t.TempDir())
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("TMPDIR", tmp)
	if got, err := DefaultCache(); err != nil || got != filepath.Join(cacheBelow(home), "lgtaskprocessor") {
		t.Errorf("got %s, %v", got, err)
	}
	write(t, home, files{"file": ""})
	t.Setenv("HOME", filepath.Join(home, "file")) // nothing can be made in it, by root neither
	got, err := DefaultCache()
	if err != nil || filepath.Dir(got) != tmp {
		t.Fatalf("without a home: got %s, %v", got, err)
	}
	if err := os.Chmod(got, 0o777); err != nil {
		t.Fatal(err)
	}
	var e *CacheError
	if _, err := DefaultCache(); !errors.As(err, &e) {
		t.Errorf("got %T %v", err, err)
	}
}
