package executable_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/internal/executable"
)

// TestAsSubreaper runs the other tests again in a process that adopts orphans,
// and as process 1 of a container.
func TestAsSubreaper(t *testing.T) {
	if subreaper {
		return // this is that process
	}
	for name, attr := range map[string]*syscall.SysProcAttr{
		"subreaper": {Pdeathsig: syscall.SIGKILL},
		"init":      {Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := again(name, attr)
			if errors.Is(err, unix.EPERM) {
				t.Log("may not make a container of its own; the tests run as subreaper only")
				return
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if want := "--- PASS: TestOrphansEnd"; !bytes.Contains(out, []byte(want)) {
				t.Errorf("no %q in the output\n%s", want, out)
			}
		})
	}
}

func again(role string, attr *syscall.SysProcAttr) ([]byte, error) {
	cmd := exec.Command(os.Args[0], "-test.v", "-test.timeout=5m", "-test.run=TestOrphan|Daemon|Zombies|Group|Context|Result|Many|Worker|Handler")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.SysProcAttr = attr
	return cmd.CombinedOutput()
}

// TestOrphansEnd leaves every kind of process behind: daemons, one below the
// other, one that ended before the program did, one in a group of its own.
func TestOrphansEnd(t *testing.T) {
	if !subreaper {
		return // see TestAsSubreaper
	}
	before := children(t)
	file := shell(t, `exec >/dev/null 2>&1
setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 & touch one; exec sleep 1000' &
python3 -c 'import os; os.setpgid(0, 0); open("two", "w"); os.execvp("sleep", ["sleep", "1000"])' &
setsid sh -c 'setsid true & touch three; exit 0' &
until [ -e one ] && [ -e two ] && [ -e three ]; do sleep 0.01; done`)
	res, _ := run(t, executable.Spec{File: file})
	if res.Escaped < 4 {
		t.Errorf("%+v", res)
	}
	for pid, state := range children(t) {
		if _, old := before[pid]; !old {
			t.Errorf("child %d is left, state %s", pid, state)
		}
	}
}

// TestOrphanWithoutMark clears its environment: nothing says whose it is, so it
// goes on; once it has ended, the end of a later run reaps it.
func TestOrphanWithoutMark(t *testing.T) {
	if !subreaper {
		return
	}
	file := shell(t, "env -i setsid sleep 1000 >/dev/null 2>&1 & echo $!\nuntil [ $(cat /proc/$!/comm) = sleep ]; do :; done")
	res, out := run(t, executable.Spec{File: file})
	pid := number(t, out.stdout[0])
	if state, parent := status(pid); state == "" || parent != os.Getpid() || res.Escaped != 0 {
		t.Fatalf("state %q, parent %d, %+v", state, parent, res)
	}
	must(t, unix.Kill(pid, unix.SIGKILL))
	awaitEnd(t, pid)
	run(t, executable.Spec{File: shell(t, "true")})
	if state, _ := status(pid); state != "" {
		t.Errorf("state %q", state)
	}
}

// TestOrphanIsNotAnothersChild runs a program while children of package os wait
// to be waited for, one has been given up, and one was forked without it.
func TestOrphanIsNotAnothersChild(t *testing.T) {
	if !subreaper {
		return
	}
	waiting, alive, released := exec.Command("/bin/true"), exec.Command("/bin/sleep", "1000"), exec.Command("/bin/true")
	for _, cmd := range []*exec.Cmd{waiting, alive, released} {
		must(t, cmd.Start())
	}
	forked, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
	must(t, err)
	gone := released.Process.Pid
	for _, pid := range []int{waiting.Process.Pid, gone, forked} {
		awaitEnd(t, pid)
	}
	must(t, released.Process.Release())
	run(t, executable.Spec{File: shell(t, "true")})
	if err := waiting.Wait(); err != nil {
		t.Errorf("a child that somebody waits for was reaped: %v", err)
	}
	for _, pid := range []int{gone, forked} {
		if state, _ := status(pid); state != "" {
			t.Errorf("child %d, which nobody waits for, is left: state %s", pid, state)
		}
	}
	must(t, alive.Process.Kill())
	if err := alive.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a child that was alive: %v", err)
	}
}
