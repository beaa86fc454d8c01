package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChanges follows a folder in a module through edits of all its inputs.
func TestChanges(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod": userMod,
		"mod/tasks/hello.go": "//go:build !never\n\n" +
			taskFile("tasks", "Hello", "\"embed\"\n\t\"user.example/mod/helper\"", `helper.Word() + " " + names()`) + `
//go:embed data
var data embed.FS

func names() (all string) {
	entries, err := data.ReadDir("data")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		all += e.Name()
	}
	return all
}

type Plain struct{}
type Generic[T any] struct{}
type Alias = Hello
type hidden struct{ Hello }
type Number interface{ ~int }
type Embedding struct{ Hello }
`,
		"mod/tasks/data/a":     "1",
		"mod/tasks/ignored.go": "//go:build never\n\npackage other\n",
		"mod/helper/helper.go": "package helper\n\nfunc Word() string { return \"one\" }\n",
	})
	k := newKit(t, root, "mod/tasks")
	k.wantChanged(true)
	first, out := k.build()
	wantLines(t, first, out, "Embedding", "one a", "Hello", "one a")
	k.wantChanged(false)
	k.wantBuilt(1)

	helper := filepath.Join(root, "mod/helper")
	write(t, helper, files{"helper.go": "package helper\n\nfunc Word() string { return \"two\" }\n"})
	k.wantChanged(true)
	second, out := k.build()
	wantLines(t, second, out, "Embedding", "two a", "Hello", "two a")
	if second.Cached || second.Key == first.Key {
		t.Errorf("the helper changed, the program is %+v and was %+v", second, first)
	}

	write(t, helper, files{"helper.go": "package helper\n\nfunc Word() string { return \"one\" }\n"})
	k.wantChanged(true)
	back, _ := newKit(t, root, "mod/tasks").withoutGo().build()
	if back.Key != first.Key || !back.Cached {
		t.Errorf("after undoing the change the program is %+v, want %+v", back, first)
	}
	k.build()
	k.wantBuilt(2)

	later := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(helper, "helper.go"), later, later); err != nil {
		t.Fatal(err)
	}
	write(t, helper, files{"helper_test.go": "package helper\n", "notes.txt": "x"})
	k.wantChanged(false)

	appearing(t, k, root)
}

// appearing checks that inputs that were not there are noticed, and that the
// program of before is found when they are gone.
func appearing(t *testing.T, k *kit, root string) {
	t.Helper()
	for _, name := range []string{
		"mod/helper/more.go", "mod/tasks/more.go", "mod/tasks/data/b", "mod/go.sum", "mod/tasks/go.mod", "go.work",
		"lgtask/more.go",
	} {
		write(t, root, files{name: "package nothing\n"})
		k.wantChanged(true)
		remove(t, root, name)
		if k.Changed() {
			t.Errorf("%s is gone again and Changed() is true", name)
		}
	}
	vendor := filepath.Join(root, "mod/vendor")
	if err := os.Mkdir(vendor, 0o755); err != nil {
		t.Fatal(err)
	}
	k.wantChanged(true)
	remove(t, vendor)
	k.wantChanged(false)
	write(t, root, files{"mod/tasks/data/b": "2"})
	r, out := k.build()
	wantLines(t, r, out, "Embedding", "one ab", "Hello", "one ab")
	write(t, root, files{"mod/tasks/ignored.go": "package tasks\n\ntype Late struct{ Hello }\n"})
	r, out = k.build()
	wantLines(t, r, out, "Embedding", "one ab", "Hello", "one ab", "Late", "one ab")
}

// TestNothingWritten covers the settings under which the go command would write.
func TestNothingWritten(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":                                    userMod,
		"mod/internal/tasks/hello.go":                   taskFile("tasks", "Hello", `"user.example/mod/internal/tasks/internal/word"`, "word.Word"),
		"mod/internal/tasks/internal/word/w.go":         "package word\n\nconst Word = \"inside\"\n",
		"mod/internal/tasks/lgtaskprocessor_main/x.txt": "this name is taken",
	})
	check := unwritten(t, root)
	k := newKit(t, root, "mod/internal/tasks", "GOFLAGS=-mod=mod")
	r, out := k.build()
	wantLines(t, r, out, "Hello", "inside")
	check()
}

func TestPackageMain(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":         userMod,
		"mod/tasks/hello.go": taskFile("main", "Hello", "", `os("main")`) + "\nfunc os(s string) string { return s }\n",
	})
	check := unwritten(t, filepath.Join(root, "mod"))
	k := newKit(t, root, "mod/tasks")
	r, out := k.build()
	wantLines(t, r, out, "Hello", "main")
	check()
}

func TestProgram(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":         userMod,
		"mod/tasks/hello.go": taskFile("main", "Hello", "", `""`),
		"mod/tasks/main.go":  "package main\n\nfunc main() {}\n",
	})
	k := newKit(t, root, "mod/tasks")
	for _, k := range []*kit{k, newKit(t, root, "mod/tasks").withoutGo()} {
		var e *ProgramError
		if err := k.fails(); !errors.As(err, &e) || e.File != filepath.Join(root, "mod/tasks/main.go") {
			t.Errorf("got %T %v", err, err)
		}
	}
	k.wantChanged(false)
	remove(t, root, "mod/tasks/main.go")
	k.wantChanged(true)
}

func TestRequirement(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":         "module user.example/mod\n\ngo 1.25.0\n",
		"mod/tasks/hello.go": taskFile("tasks", "Hello", "", `""`),
	})
	k := newKit(t, root, "mod/tasks")
	wantRequirement := func() {
		t.Helper()
		var e *RequirementError
		err := k.fails()
		if !errors.As(err, &e) || e.GoMod != filepath.Join(root, "mod/go.mod") || !strings.Contains(err.Error(), "go get "+module) {
			t.Errorf("got %T %v", err, err)
		}
	}
	wantRequirement()
	write(t, root, files{
		"mod/go.mod":       userMod,
		"lgtask/lgtask.go": strings.Replace(stub, "RegisterTypes", "registerTypes", 1),
	})
	k.wantChanged(true)
	wantRequirement() // it is too old
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"go.work":              "go 1.25.0\n\nuse (\n\t./mod\n\t./lgtask\n\t./other\n)\n",
		"mod/go.mod":           "module user.example/mod\n\ngo 1.25.0\n\nrequire github.com/lgtask/lgtask v0.0.0\n",
		"mod/tasks/hello.go":   taskFile("tasks", "Hello", `"user.example/other"`, "other.Word"),
		"other/go.mod":         "module user.example/other\n\ngo 1.25.0\n",
		"other/other.go":       "package other\n\nconst Word = \"other\"\n",
		"mod/tasks/x/x.go":     "package x\n",
		"mod/tasks/.hidden.go": "no Go",
	})
	check := unwritten(t, root)
	k := newKit(t, root, "mod/tasks")
	r, out := k.build()
	wantLines(t, r, out, "Hello", "other")
	check()
	k.wantChanged(false)
	write(t, root, files{"other/new.go": "package other\n"})
	k.wantChanged(true)
}
