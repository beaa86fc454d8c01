package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// helperDir, if set, makes this test's program one that builds the folder root/mod/tasks.
const helperDir = "LGTASK_TEST_GOBUILD_ROOT"

// helperProcess prints a line for each start of the compiler, then the key.
func helperProcess(root string) int {
	b := New(Options{
		Dir: filepath.Join(root, "mod/tasks"), Cache: filepath.Join(root, "cache"),
		Log: func(text string) { fmt.Println(text) },
	})
	r, err := b.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(r.Key)
	return 0
}

// TestConcurrent starts builders at once, as cron does: in several processes, and
// several in one.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	k := newKit(t, root, "mod/tasks")
	other := newKit(t, root, "mod/tasks")
	const n = 4
	var wg sync.WaitGroup
	var outputs [n]string
	for i := range n {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = testEnv(helperDir + "=" + root)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("builder %d: %v\n%s", i, err, out)
			}
			outputs[i] = string(out)
		})
	}
	var results [2 * n]Result
	for i := range results {
		wg.Go(func() {
			b := k
			if i%2 == 1 {
				b = other
			}
			var err error
			if results[i], err = b.Build(t.Context()); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	starts := int(k.built.Load() + other.built.Load())
	for _, out := range outputs {
		starts += strings.Count(out, "building ")
		if !strings.HasSuffix(out, results[0].Key+"\n") {
			t.Errorf("another key than %s:\n%s", results[0].Key, out)
		}
	}
	if starts != 1 {
		t.Errorf("the compiler was started %d times, want once", starts)
	}
}

// TestUnsettled changes an input while the compiler runs.
func TestUnsettled(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", "word")})
	change := func(n int32) {
		write(t, root, files{"mod/tasks/word.go": fmt.Sprintf("package tasks\n\nconst word = \"%d\"\n", n)})
	}
	change(0)
	k := newKit(t, root, "mod/tasks")
	k.onLog = func() {
		if k.built.Load() == 1 {
			change(1)
		}
	}
	r, out := k.build()
	wantLines(t, r, out, "Hello", "1")
	k.wantBuilt(2)

	k.onLog = func() { change(k.built.Load()) }
	change(100)
	if err := k.fails(); !errors.Is(err, errUnsettled) {
		t.Errorf("got %T %v", err, err)
	}
	k.wantBuilt(2 + rounds)
	k.wantChanged(true)
}

// TestCancel ends the context while the lock of another builder is waited for,
// and before the go command starts.
func TestCancel(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	k := newKit(t, root, "mod/tasks")
	j, err := k.newJob(target{})
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := j.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := k.Build(ctx); !errors.Is(err, stop) {
		t.Errorf("while locked: got %T %v", err, err)
	}
	unlock()
	if _, err := k.Build(ctx); !errors.Is(err, stop) {
		t.Errorf("got %T %v", err, err)
	}
	k.wantChanged(true)
	k.wantBuilt(0)
}
