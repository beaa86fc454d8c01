package executable_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/internal/executable"
)

func TestContextEnds(t *testing.T) {
	const forever = "echo ready; while :; do sleep 1000; done"
	for name, c := range map[string]struct {
		body  string
		grace time.Duration
		want  executable.Result
	}{
		"default":            {forever, time.Hour, executable.Result{Code: -1, Signal: syscall.SIGTERM}},
		"program cleans up":  {"trap 'echo cleaned; exit 3' TERM; echo ready; sleep 1000 & wait", time.Hour, executable.Result{Code: 3}},
		"SIGTERM is ignored": {"trap '' TERM; " + forever, 50 * time.Millisecond, executable.Result{Code: -1, Signal: syscall.SIGKILL, Killed: true}},
		"program is stopped": {"echo ready; kill -STOP $$", time.Hour, executable.Result{Code: -1, Signal: syscall.SIGTERM}},
	} {
		t.Run(name, func(t *testing.T) {
			res, _ := runUntil(t, executable.Spec{File: shell(t, c.body), Grace: c.grace}, "ready")
			if res.Code != c.want.Code || res.Signal != c.want.Signal || res.Killed != c.want.Killed || !res.Stopped || res.Cleanup != nil {
				t.Errorf("%+v, want %+v", res, c.want)
			}
		})
	}
}

// TestGroupEnds leaves processes in the group, one deaf to SIGTERM.
func TestGroupEnds(t *testing.T) {
	res, out := run(t, executable.Spec{File: shell(t, "sleep 1000 & echo $!; (trap '' TERM HUP; sleep 1000) & echo $!")})
	if res.OutputOpen || res.Escaped != 0 || len(out.stdout) != 2 {
		t.Errorf("%+v %+v", res, out)
	}
	for _, line := range out.stdout {
		awaitEnd(t, number(t, line))
	}
	_, pid := runUntil(t, executable.Spec{File: shell(t, "(trap '' TERM; echo pid $(exec sh -c 'echo $PPID'); sleep 1000)"), Grace: 50 * time.Millisecond}, "pid")
	awaitEnd(t, number(t, pid))
}

const daemon = `import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(%s)`

// TestDaemonEscapes starts a process that leaves the group and keeps the output.
func TestDaemonEscapes(t *testing.T) {
	file := python(t, strings.ReplaceAll(daemon, "%s", "0")+"\nsys.stdin.readline()")
	var out lines
	began := time.Now()
	res, err := executable.Run(t.Context(), executable.Spec{File: file, Line: out.add})
	must(t, err)
	// The daemon may print its ID after the program has ended.
	if len(out.stdout) == 0 && !subreaper {
		t.Fatalf("%+v %+v", res, out)
	}
	if subreaper {
		if res.Escaped != 1 || res.OutputOpen || res.Cleanup != nil {
			t.Errorf("%+v", res)
		}
	} else {
		pid := number(t, out.stdout[0])
		if !res.OutputOpen || time.Since(began) > patience {
			t.Errorf("%+v after %v", res, time.Since(began))
		}
		must(t, unix.Kill(pid, unix.SIGKILL))
	}
	for _, line := range out.stdout {
		awaitEnd(t, number(t, line))
	}
}

func TestNoZombies(t *testing.T) {
	before := children(t)
	file := shell(t, "sh -c 'sleep 1000 & true' & (true &) ; true")
	for range 300 {
		run(t, executable.Spec{File: file})
	}
	for pid, state := range children(t) {
		if _, old := before[pid]; !old {
			t.Errorf("child %d is left, state %s", pid, state)
		}
	}
}

// TestWorkerKilled kills the process that runs a program.
func TestWorkerKilled(t *testing.T) {
	file := shell(t, "trap '' TERM HUP PIPE; echo $$; exec sleep 1000")
	cmd := exec.Command(os.Args[0], filepath.Dir(file.Path))
	cmd.Env = append(os.Environ(), roleVariable+"=worker", "TMPDIR="+t.TempDir()) // its folder is left
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	pid := number(t, line)
	if state, parent := status(pid); parent != cmd.Process.Pid {
		t.Fatalf("program %d: state %q, parent %d", pid, state, parent)
	}
	must(t, cmd.Process.Kill())
	awaitEnd(t, pid)
	if err := cmd.Wait(); err == nil {
		t.Error("the worker was not killed")
	}
}
