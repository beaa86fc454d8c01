package programs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// goTask is a Go file with a class that says a word, and waits for a file of the
// task folder if its kwarg says so.
func goTask(class, word string) string {
	return `package tasks

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/lgtask/lgtask"
)

// ` + class + ` says ` + word + `.
type ` + class + ` struct{ Wait string }

// Run implements lgtask.Runner.
func (c *` + class + `) Run(ctx context.Context, t *lgtask.TaskContext) error {
	for c.Wait != "" {
		if _, err := os.Stat(filepath.Join(os.Getenv("LGTASK_TASK_DIR"), c.Wait)); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Log("` + word + `")
	return nil
}
`
}

// says creates a task and wants it to end with that word.
func (s *site) says(class, word string) {
	s.Helper()
	if task := s.comes(s.create(class, nil), lgtask.StateSuccess); task.LastLog != word {
		s.Errorf("%s said %q, want %q", class, task.LastLog, word)
	}
}

// TestChangedFolder: a new state of the folder takes new tasks and one name
// after the other, while running tasks end in the old one; what cannot be built
// changes nothing.
func TestChangedFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("word.go", goTask("Word", "first"), 0o644)
	s.addTask("shell", "echo from the shell")
	p := s.start(s.config(), "2")
	p.runs("n-1", "n-2")
	s.says("Word", "first")
	s.says("shell", "from the shell")

	waiting := s.create("Word", map[string]string{"wait": "go"})
	s.comes(waiting, lgtask.StateWorking)
	s.write("word.go", goTask("Word", "second"), 0o644)
	p.wrote("a processor runs", 3) // one of the names runs on the new build
	s.says("Word", "second")
	if task, err := s.conn.Task(t.Context(), waiting); err != nil || task.State != lgtask.StateWorking {
		t.Fatalf("the running task is %s, %v", task.State, err)
	}
	s.touch("go")
	if task := s.comes(waiting, lgtask.StateSuccess); task.LastLog != "first" || task.Crashes != 0 || task.Attempt != 0 {
		t.Errorf("the running task ended as %+v", task)
	}
	p.wrote("a processor runs", 4)
	p.wrote("worker of an earlier state of the task folder has ended", 1)

	s.write("word.go", strings.Replace(goTask("Word", "third"), "t.Log(", "t.Lag(", 1), 0o644)
	p.wrote("the task folder cannot be built", 1)
	p.wrote(`word\.go:27:\d+: t\.Lag undefined`, 1)
	s.says("Word", "second")
	s.addTask("more", "echo more") // does not wait for the Go files
	s.says("more", "more")
	s.says("Word", "second")
	s.write("word.go", goTask("Word", "fourth"), 0o644)
	p.wrote("a processor runs", 8)
	s.says("Word", "fourth")

	s.write("panics.go", "package tasks\n\nfunc init() { panic(\"at the start\") }\n", 0o644)
	p.wrote("the worker of the changed task folder cannot start", 1)
	s.says("Word", "fourth")
	p.stop()
}

// TestLastGoodBuild: a folder that was broken while nothing ran starts as it was.
func TestLastGoodBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("word.go", goTask("Word", "good"), 0o644)
	first := s.start()
	first.runs("n")
	first.stop()
	s.write("word.go", "package tasks\n\nfunc {", 0o644)
	p := s.start()
	p.wrote("the task folder cannot be built", 1)
	p.runs("n")
	s.says("Word", "good")
	p.stop()
}

// TestNothingToRun: the first start of a folder that cannot be built says why.
func TestNothingToRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("word.go", "package tasks\n\nfunc {", 0o644)
	p := s.start()
	p.exits(2)
	p.wrote(`lgtaskprocessor: .*word\.go:3:6: `, 1)
}

// TestCrashingTask: a task that ends its process takes only that process along;
// the others' work goes on in the next.
func TestCrashingTask(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("crash.go", `package tasks

import (
	"context"
	"os"

	"github.com/lgtask/lgtask"
)

// Crash ends its process, the first time.
type Crash struct{}

// Run implements lgtask.Runner.
func (*Crash) Run(_ context.Context, t *lgtask.TaskContext) error {
	file := os.Getenv("LGTASK_TASK_DIR") + "/crashed"
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return err
	}
	os.Exit(3)
	return nil
}
`, 0o644)
	s.addTask("slow", "while [ ! -e \"$LGTASK_TASK_DIR/go\" ]; do sleep 0.05; done; echo done")
	p := s.start(s.config(), "2")
	p.runs("n-1", "n-2")
	slow := s.create("slow", nil)
	s.comes(slow, lgtask.StateWorking)
	began := time.Now()
	crash := s.comes(s.create("Crash", nil), lgtask.StateSuccess)
	if crash.Crashes != 1 {
		t.Errorf("%d crashes", crash.Crashes)
	}
	t.Logf("run again after %v", time.Since(began))
	s.touch("go")
	if task := s.comes(slow, lgtask.StateSuccess); task.Crashes != 1 {
		t.Errorf("the task beside it: %d crashes", task.Crashes)
	}
	p.wrote("a worker has ended; starting another", 1)
	p.stop()
}

// config writes the site's configuration into a file, for a start with COUNT.
func (s *site) config() string {
	s.Helper()
	path := filepath.Join(s.env["TMPDIR"], "my.cfg")
	if err := os.WriteFile(path, []byte("[taskProcessor]\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}
