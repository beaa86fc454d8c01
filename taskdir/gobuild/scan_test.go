package gobuild

import (
	"go/build"
	"slices"
	"testing"
)

func TestScan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, files{
		"a.go": `package tasks

type (
	Task     struct{ A int }
	NoRun    struct{ A int }
	Embeds   struct{ Task }
	Renamed  Embeds
	Cycle    Cycle2
	Cycle2   Cycle
	Func     func()
	Other    other
	Iface    interface{ Run() }
	Generic[T any] struct{ Task }
	Alias    = Task
	lower    struct{ Task }
	Foreign  sync.Mutex
	Foreign2 (sync.Mutex)
)

func (t *Task) Run()     {}
func (Func) Run()        {}
func (f *(Foreign)) Run() {}
func (Generic[T]) Run()  {}
func Run()               {}
`,
		"b_windows.go": "package tasks\n\ntype OnWindows struct{ Task }\n",
		"c.go":         "//go:build tagged\n\npackage tasks\n\ntype Tagged struct{ Task }\n",
		"d.go":         "//go:build cgo\n\npackage tasks\n\nimport \"C\"\n\ntype WithC struct{ Task }\n",
		"e.c":          "",
	})
	all, err := names(dir, sourceNames)
	if err != nil {
		t.Fatal(err)
	}
	scanFor := func(c build.Context, want ...string) {
		t.Helper()
		f, err := scan(dir, matching(dir, all, &c), paths{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.types, want) {
			t.Errorf("got %v, want %v", f.types, want)
		}
	}
	linux := build.Context{GOOS: "linux", GOARCH: "amd64", Compiler: "gc"}
	scanFor(linux, "Embeds", "Foreign", "Func", "Renamed", "Task")
	linux.BuildTags, linux.CgoEnabled = []string{"tagged"}, true
	scanFor(linux, "Embeds", "Foreign", "Func", "Renamed", "Tagged", "Task", "WithC")
	scanFor(build.Context{GOOS: "windows", GOARCH: "amd64", Compiler: "gc"}, "Embeds", "Foreign", "Func", "OnWindows", "Renamed", "Task")
}
