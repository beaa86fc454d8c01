package gobuild

import (
	"path/filepath"
	"testing"
)

// BenchmarkWarm is a Build, by a new process as it were, that finds its program:
// of a folder without a module, and of a module whose 1,000 vendored files can be edited.
func BenchmarkWarm(b *testing.B) {
	b.Run("folder", func(b *testing.B) {
		root := realPath(b.TempDir())
		write(b, root, files{"tasks/greet.go": greeting})
		benchmarkWarm(b, root, "tasks")
	})
	b.Run("vendor", func(b *testing.B) { benchmarkWarm(b, vendored(b), "mod/tasks") })
}

func benchmarkWarm(b *testing.B, root, dir string) {
	o := Options{Dir: filepath.Join(root, dir), Cache: filepath.Join(root, "cache"), Env: testEnv("GOFLAGS=-trimpath")}
	if _, err := New(o).Build(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r, err := New(o).Build(b.Context()); err != nil || !r.Cached {
			b.Fatal(r, err)
		}
	}
}
