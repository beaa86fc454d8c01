//go:build unix

package taskdir_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/taskdir"
)

func TestFingerprintChanges(t *testing.T) {
	base := folder(t)
	dir := filepath.Join(base, "tasks")
	must(t, os.Mkdir(dir, 0o755))
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, step := range []struct {
		name   string
		change func()
		same   bool
	}{
		{"nothing", func() {}, true},
		{"new executable", func() { write(t, dir, "job.sh", script, 0o755) }, false},
		{"content", func() { must(t, os.WriteFile(path("job.sh"), []byte(script+"true"), 0o755)) }, false},
		{"time", func() { must(t, os.Chtimes(path("job.sh"), time.Time{}, time.Unix(1e9, 0))) }, false},
		{"same size and time, other file", func() {
			write(t, dir, ".new", script+"kill", 0o755)
			must(t, os.Chtimes(path(".new"), time.Time{}, time.Unix(1e9, 0)))
			must(t, os.Rename(path(".new"), path("job.sh")))
		}, false},
		{"mode", func() { must(t, os.Chmod(path("job.sh"), 0o777)) }, false},
		{"hidden file", func() { write(t, dir, ".cache", "x", 0o644) }, true},
		{"subfolder", func() { must(t, os.Mkdir(path("__pycache__"), 0o755)) }, true},
		{"new data", func() { write(t, dir, "data.csv", "x", 0o644) }, false},
		{"more data", func() { must(t, os.WriteFile(path("data.csv"), []byte("x,y,z"), 0o644)) }, true},
		{"data becomes executable", func() { must(t, os.Chmod(path("data.csv"), 0o755)) }, false},
		{"Go file", func() { write(t, dir, "a.go", "package a", 0o644) }, false},
		{"Go content", func() { must(t, os.WriteFile(path("a.go"), []byte("package ab"), 0o644)) }, false},
		{"Go test", func() { write(t, dir, "a_test.go", "package a", 0o644) }, true},
		{"go.mod", func() { write(t, dir, "go.mod", "module a", 0o644) }, false},
		{"go.mod content", func() { must(t, os.WriteFile(path("go.mod"), []byte("module ab"), 0o644)) }, false},
		{"pipe", func() { must(t, unix.Mkfifo(path("pipe"), 0o600)) }, false},
		{"removal", func() { must(t, os.Remove(path("job.sh"))) }, false},
	} {
		f := scan(t, dir)
		before := f.Fingerprint()
		if f.Changed() {
			t.Errorf("%s: changed before", step.name)
		}
		step.change()
		if same := f.Fingerprint() == before; same != step.same || f.Changed() == step.same {
			t.Errorf("%s: fingerprint the same: %v, Changed: %v", step.name, same, f.Changed())
		}
	}
	f := scan(t, dir)
	must(t, os.Chmod(dir, 0o777))
	if !f.Changed() {
		t.Error("a folder that may not be used any more is no change")
	}
	must(t, os.Chmod(dir, 0o755))
	if f.Changed() {
		t.Error("a folder that may be used again is still changed")
	}
	must(t, os.RemoveAll(dir))
	if !f.Changed() {
		t.Error("a removed folder is no change")
	}
}

func BenchmarkFingerprint(b *testing.B) {
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		for _, kind := range []string{".py", ".go"} {
			if err := os.WriteFile(filepath.Join(dir, name+kind), []byte(script), 0o755); err != nil {
				b.Fatal(err)
			}
		}
	}
	f, err := taskdir.Scan(dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.Fingerprint()
	}
}
