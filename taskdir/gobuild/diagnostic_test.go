package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProblems puts faults into a folder and a package beside it.
func TestProblems(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":           userMod,
		"mod/tasks/hello.go":   taskFile("tasks", "Hello", `"user.example/mod/helper"`, "helper.Word"),
		"mod/helper/helper.go": "package helper\n\nconst Word = \"x\"\n",
	})
	tests := []struct {
		name, file, text string
		want             string // the error after the path of root
		more             int    // problems
	}{
		{"syntax", "mod/tasks/b.go", "package tasks\n\nfunc x( {\n\nfunc {\n", "/mod/tasks/b.go:3:9: ", 1},
		{"header", "mod/tasks/b.go", "pakage tasks\n", "/mod/tasks/b.go:1:1: expected 'package'", 0},
		{"types", "mod/tasks/b.go", "package tasks\n\nvar a, b, c int = \"1\", \"mongodb://u:geheim@h\", undefined\n", `/mod/tasks/b.go:3:19: cannot use "1"`, 2},
		{"helper", "mod/helper/b.go", "package helper\n\nvar a int = \"\"\n", "/mod/helper/b.go:3:13: cannot use", 0},
		{"helper syntax", "mod/helper/b.go", "package helper\n\nfunc {\n", "/mod/helper/b.go:3:6: ", 0},
		{"import", "mod/tasks/b.go", "package tasks\n\nimport _ \"user.example/mod/gone\"\n", "/mod/tasks/b.go:3:8: ", 0},
		{"continued", "mod/tasks/b.go", "package tasks\n\nvar _ interface{ M() } = Hello{}\n\nfunc (Hello) m() {}\n", "/mod/tasks/b.go:3:26: cannot use Hello{}", 0},
	}
	k := newKit(t, root, "mod/tasks")
	for _, tt := range tests {
		write(t, root, files{tt.file: tt.text})
		k.wantChanged(true)
		err := k.fails()
		var e *CompileError
		if !errors.As(err, &e) {
			t.Errorf("%s: got %T %v", tt.name, err, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), root+tt.want) || e.Diagnostics[0].File != filepath.Join(root, tt.file) || len(e.Diagnostics) < tt.more+1 {
			t.Errorf("%s: got %v, %d problems: %+v", tt.name, err, len(e.Diagnostics), e.Diagnostics)
		}
		if strings.Contains(e.Output+err.Error(), "geheim") || e.Output == "" {
			t.Errorf("%s: the output is\n%s", tt.name, e.Output)
		}
		k.wantChanged(false)
		remove(t, root, tt.file)
	}
	// A package that is imported and not there may appear.
	write(t, root, files{"mod/tasks/b.go": "package tasks\n\nimport _ \"user.example/mod/gone\"\n"})
	k.fails()
	k.wantChanged(false)
	write(t, root, files{"mod/gone/gone.go": "package gone\n"})
	k.wantChanged(true)
	_, out := k.build()
	if !strings.HasPrefix(out, "Hello\nx\n") {
		t.Errorf("the program prints\n%s", out)
	}
}

func TestTwoPackages(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":         userMod,
		"mod/tasks/hello.go": taskFile("tasks", "Hello", "", `""`),
		"mod/tasks/other.go": "package other\n",
	})
	var e *CompileError
	if err := newKit(t, root, "mod/tasks").fails(); !errors.As(err, &e) || !strings.Contains(err.Error(), "found packages") {
		t.Errorf("got %T %v", err, err)
	}
}

func TestDiagnosticPaths(t *testing.T) {
	t.Parallel()
	base := filepath.Join(t.TempDir(), "tasks")
	p := paths{base: base, cwd: filepath.Dir(base)}
	e := p.compileError("# user.example/mod/tasks\n./a.go:12:5: undefined: foo\n../b.go:3: bar\n\thave this\n\twant that\ntoo many errors\n")
	if want := filepath.Join("tasks", "a.go") + ":12:5: undefined: foo (and 1 more)"; e.Error() != want {
		t.Errorf("got %q, want %q", e.Error(), want)
	}
	if len(e.Diagnostics) != 2 {
		t.Fatalf("got %+v", e.Diagnostics)
	}
	second := e.Diagnostics[1]
	if second.File != filepath.Join(filepath.Dir(base), "b.go") || second.String() != "b.go:3: bar have this want that" {
		t.Errorf("got %+v, %q", second, second)
	}
	if got := p.compileError("go: updates to go.mod needed; to update it:\n\tgo mod tidy\n").Error(); got != "go: updates to go.mod needed; to update it: go mod tidy" {
		t.Errorf("got %q", got)
	}
	if got := p.compileError("").Error(); got == "" {
		t.Error("no text")
	}
}

func TestNoTask(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/a_test.go": "package tasks\n"})
	k := newKit(t, root, "mod/tasks")
	wantNoTask := func(k *kit) {
		t.Helper()
		var e *NoTaskError
		if err := k.fails(); !errors.As(err, &e) || !strings.Contains(err.Error(), "Run(ctx context.Context") {
			t.Errorf("got %T %v", err, err)
		}
	}
	wantNoTask(k)
	write(t, root, files{"mod/tasks/a.go": "package tasks\n\ntype A struct{ B int }\n"})
	k.wantChanged(true)
	wantNoTask(k)
	wantNoTask(newKit(t, root, "mod/tasks").withoutGo())
	if err := newKit(t, root, "mod/none").fails(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %T %v", err, err)
	}
	if err := newKit(t, root, "mod/go.mod").fails(); !strings.Contains(err.Error(), "no folder") {
		t.Errorf("got %T %v", err, err)
	}
}
