package executable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/internal/executable"
	"github.com/lgtask/lgtask/taskdir"
)

func TestResult(t *testing.T) {
	for body, want := range map[string]executable.Result{
		"echo done; echo; echo oops >&2": {LastStdout: "done", LastStderr: "oops"},
		"printf 'no newline'; exit 1":    {Code: 1, LastStdout: "no newline"},
		"exit 75":                        {Code: 75},
		"/etc/passwd 2>/dev/null":        {Code: 126},
		"/no/such/program 2>/dev/null":   {Code: 127},
		"kill -KILL $$":                  {Code: -1, Signal: syscall.SIGKILL},
		"kill -TERM $$":                  {Code: -1, Signal: syscall.SIGTERM},
		"kill -SEGV $$":                  {Code: -1, Signal: syscall.SIGSEGV},
	} {
		got, _ := run(t, executable.Spec{File: shell(t, body)})
		if got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}

func TestResultString(t *testing.T) {
	for want, r := range map[string]executable.Result{
		"exit status 3":                                {Code: 3},
		"signal 11 (segmentation fault)":               {Code: -1, Signal: syscall.SIGSEGV},
		"signal 9 (killed), did not end after SIGTERM": {Code: -1, Signal: syscall.SIGKILL, Killed: true},
		"signal 6 (aborted), core dumped":              {Code: -1, Signal: syscall.SIGABRT, CoreDumped: true},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestStdin(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 5<<20)
	for name, c := range map[string]struct {
		file taskdir.Executable
		text []byte
		want string
	}{
		"JSON":      {python(t, "import sys, json; print(json.load(sys.stdin)['name'])"), []byte(`{"name":"wörld"}`), "wörld"},
		"5 MB":      {shell(t, "wc -c"), big, fmt.Sprint(len(big))},
		"none":      {shell(t, "wc -c"), nil, "0"},
		"not read":  {shell(t, "echo done"), big, "done"},
		"shut":      {shell(t, "exec <&-; echo done"), big, "done"},
		"in a part": {shell(t, "head -c 3"), big, "xxx"},
	} {
		if res, _ := run(t, executable.Spec{File: c.file, Stdin: c.text}); res.Code != 0 || strings.TrimSpace(res.LastStdout) != c.want {
			t.Errorf("%s: %+v, want %q", name, res, c.want)
		}
	}
}

func TestArgumentsAndFolder(t *testing.T) {
	file := python(t, "import sys, os; print(len(sys.argv), os.getcwd(), oct(os.stat('.').st_mode), os.listdir('.')); "+
		"import helper; os.mkdir('deep'); open('deep/file', 'w'); os.chmod('deep', 0)")
	must(t, os.WriteFile(filepath.Join(filepath.Dir(file.Path), "helper.py"), []byte("print('helped')"), 0o600))
	res, out := run(t, executable.Spec{File: file})
	if res.Code != 0 || res.LastStdout != "helped" {
		t.Fatalf("%+v %q", res, out.stderr)
	}
	var n int
	var dir, mode, list string
	_, err := fmt.Sscan(out.stdout[0], &n, &dir, &mode, &list)
	must(t, err)
	if n != 1 || mode != "0o40700" || list != "[]" {
		t.Errorf("arguments, folder, mode, content: %s", out.stdout[0])
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the run is left: %v", err)
	}
	_, out = run(t, executable.Spec{File: shell(t, `ls -d "$LGTASK_TASK_DIR/job.sh"; ulimit -c; tr '\0' '\n' </proc/$$/cmdline`)})
	if len(out.stdout) != 4 || !strings.HasSuffix(out.stdout[0], "/job.sh") || out.stdout[1] != "0" {
		t.Errorf("task folder, core limit, command line: %q", out.stdout)
	}
}

// TestDescriptors also opens one that is passed to children of this process.
func TestDescriptors(t *testing.T) {
	leaky, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	must(t, err)
	defer unix.Close(leaky)
	const list = `import os
print([fd for fd in range(256) if os.path.lexists(f'/proc/self/fd/{fd}') and os.get_inheritable(fd)])
print([os.get_blocking(fd) for fd in range(3)])`
	res, out := run(t, executable.Spec{File: python(t, list)})
	if want := []string{"[0, 1, 2, 3]", "[True, True, True]"}; !slices.Equal(out.stdout, want) {
		t.Errorf("descriptors %q, want %q; %+v", out.stdout, want, res)
	}
}

func TestNoLeakOfOurs(t *testing.T) {
	file, bad := shell(t, "echo x; cat >/dev/null"), task(t, "bad.sh", "#!/no/such/interpreter\n")
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(entries)
	}
	work := func(n int) {
		for range n {
			run(t, executable.Spec{File: file, Stdin: []byte("{}"), Handler: echo})
			if _, err := executable.Run(t.Context(), executable.Spec{File: bad, Handler: echo}); err == nil {
				t.Error("no error")
			}
		}
	}
	t.Setenv("TMPDIR", t.TempDir())
	work(1)
	before := count()
	work(20)
	if after := count(); after != before {
		t.Errorf("%d descriptors after, %d before", after, before)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStartErrors(t *testing.T) {
	program, err := os.ReadFile("/bin/true")
	must(t, err)
	foreign := bytes.Clone(program)
	foreign[18], foreign[19] = 0xff, 0x7f // the machine, in the header of the file
	for want, file := range map[string]taskdir.Executable{
		`interpreter "/no/such/interpreter"`: task(t, "job", "#!/no/such/interpreter -x\n"),
		"line ends of Unix":                  task(t, "job", "#!/bin/sh\r\necho\r\n"),
		`interpreter "/etc/passwd" may not`:  task(t, "job", "#!/etc/passwd\n"),
		"neither begins with #!":             task(t, "job", "echo x"),
		"nor is a program for":               task(t, "job", string(foreign)),
		"dynamic loader":                     task(t, "job", strings.ReplaceAll(string(program), "/ld-linux", "/no-linux")),
	} {
		res, err := executable.Run(t.Context(), executable.Spec{File: file})
		var start *executable.StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), want) || start.Passing || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v, %v; want a *StartError with %q", res, err, want)
		}
	}
}

func TestStartErrorsThatPass(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stopping")
	cancel(reason)
	file := shell(t, "echo x")
	_, err := executable.Run(ctx, executable.Spec{File: file})
	var start *executable.StartError
	if !errors.As(err, &start) || !start.Passing || !errors.Is(err, reason) {
		t.Errorf("ended context: %v", err)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if _, err := executable.Run(t.Context(), executable.Spec{File: file}); !errors.As(err, &start) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("no folder for temporary files: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"setuid":   func(path string) error { return os.Chmod(path, 0o755|os.ModeSetuid) },
		"writable": func(path string) error { return os.Chmod(path, 0o777) },
		"a link": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("/bin/sh", path))
		},
	} {
		file := shell(t, "echo never")
		must(t, spoil(file.Path))
		_, err := executable.Run(t.Context(), executable.Spec{File: file})
		var refused *executable.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want a *RefusedError", name, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	file := shell(t, "cat; echo err >&2")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			var out lines
			want := fmt.Sprint("number ", i)
			res, err := executable.Run(t.Context(), executable.Spec{File: file, Stdin: []byte(want), Line: out.add})
			if err != nil || res.LastStdout != want || res.Code != 0 || res.Cleanup != nil || !slices.Equal(out.stdout, []string{want}) {
				t.Errorf("%+v, %v: %+v", res, err, out)
			}
		})
	}
	all.Wait()
}
