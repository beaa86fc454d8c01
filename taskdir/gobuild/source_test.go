package gobuild

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// greeting is a task of the real lgtask.
const greeting = `package tasks

import (
	"context"

	"github.com/lgtask/lgtask"
)

type Greet struct{ Name string }

func (g *Greet) Run(ctx context.Context, t *lgtask.TaskContext) error {
	t.Logf("hello, %s", g.Name)
	return nil
}
`

// TestFolderWithoutModule builds with the checkout that this test is part of.
func TestFolderWithoutModule(t *testing.T) {
	t.Parallel()
	root := realPath(t.TempDir())
	write(t, root, files{"my tasks/greet.go": greeting})
	check := unwritten(t, root)
	k := newKit(t, root, "my tasks", "GOFLAGS=-mod=vendor", "GO111MODULE=off")
	r, out := k.build("--help")
	if !strings.Contains(out, "compiled into this program: Greet.") {
		t.Errorf("the program says\n%s", out)
	}
	check()
	k.wantChanged(false)
	if again, _ := newKit(t, root, "my tasks", "GOFLAGS=-mod=vendor").withoutGo().build("--version"); again.Key != r.Key || !again.Cached {
		t.Errorf("got %+v, want %+v", again, r)
	}

	write(t, root, files{"my tasks/greet.go": strings.Replace(greeting, "t.Logf", "t.Logg", 1)})
	var compile *CompileError
	if err := k.fails(); !errors.As(err, &compile) || !strings.HasPrefix(err.Error(), filepath.Join(root, "my tasks", "greet.go")+":12:4: t.Logg undefined") {
		t.Errorf("got %T %v", err, err)
	}
	write(t, root, files{"my tasks/more.go": "package tasks\n\nimport _ \"example.com/missing\"\n"})
	var missing *NoModuleError
	if err := k.fails(); !errors.As(err, &missing) || missing.Problem.Line != 3 || !strings.Contains(err.Error(), "go mod init tasks && go mod tidy") {
		t.Errorf("got %T %v", err, err)
	}
}

// TestVendor builds a module with all that the real lgtask needs in its vendor
// folder. With -trimpath the go command finds what it compiled in another folder.
func TestVendor(t *testing.T) {
	t.Parallel()
	root := vendored(t)
	check := unwritten(t, filepath.Join(root, "mod"))
	k := newKit(t, root, "mod/tasks", "GOFLAGS=-mod=vendor -trimpath", "GOMODCACHE="+filepath.Join(root, "empty"))
	_, out := k.build("--help")
	if !strings.Contains(out, "compiled into this program: Greet.") {
		t.Errorf("the program says\n%s", out)
	}
	check()
	write(t, root, files{"mod/vendor/github.com/lgtask/lgtask/more.go": "package lgtask\n"})
	k.wantChanged(true)
}

// vendored returns a folder with such a module in mod/.
func vendored(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	root := realPath(t.TempDir())
	k := New(Options{Dir: root, Env: testEnv()})
	tool, err := k.findToolchain()
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, files{"mod/tasks/greet.go": greeting})
	g := goCommand{path: tool.path, dir: filepath.Join(root, "mod"), env: testEnv()}
	source := checkout(t)
	required, err := g.editJSON(ctx, "mod", filepath.Join(source, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, files{
		"mod/go.mod": strings.Replace(string(folderGoMod(required, source)), folderModule, "user.example/mod", 1),
		"mod/go.sum": read(t, filepath.Join(source, "go.sum")),
	})
	if _, err := g.run(ctx, "mod", "vendor"); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestOwnSource(t *testing.T) {
	t.Parallel()
	if got := localSource(); got != checkout(t) {
		t.Errorf("localSource() = %q, want %q", got, checkout(t))
	}
	if isSourceDir(t.TempDir()) {
		t.Error("an empty folder is taken for the source")
	}
}
