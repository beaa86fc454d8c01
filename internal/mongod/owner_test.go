//go:build linux || darwin

package mongod

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain runs the test binary as the owner of a server, if it is told to:
// the tests below kill such an owner.
func TestMain(m *testing.M) {
	if os.Getenv("LGTASK_MONGOD_OWNER") != "" {
		if err := own(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// own starts a server, prints its process id and directory, and on each SIGINT
// whether it still lives. It ends with its standard input, without a word to the server.
func own() error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	s, err := Start(context.Background(), Options{})
	if err != nil {
		return err
	}
	fmt.Println(s.nodes[0].pid, s.dir)
	go func() {
		for range interrupts {
			fmt.Println("lives", !s.nodes[0].exited(100*time.Millisecond))
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// owner is a process of its own that owns a server.
type owner struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
	pid   int    // of mongod
	dir   string // of the server
}

func newOwner(t *testing.T) *owner {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LGTASK_MONGOD_OWNER=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does for a job
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	o := &owner{cmd: cmd, stdin: stdin, lines: bufio.NewScanner(stdout)}
	pid, dir, _ := strings.Cut(o.line(), " ")
	if o.pid, err = strconv.Atoi(pid); err != nil {
		t.Fatalf("the owner said %q %q", pid, dir)
	}
	o.dir = dir
	return o
}

func (o *owner) line() string {
	o.lines.Scan()
	return o.lines.Text()
}

// wantGone waits for the end of mongod and of its directory.
func (o *owner) wantGone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := until(ctx, func() error {
		if err := syscall.Kill(o.pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("mongod %d: %v", o.pid, err)
		}
		if _, err := os.Stat(o.dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("directory %s: %v", o.dir, err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("the server outlived its owner: %v", err)
	}
}

func TestOwnerKilled(t *testing.T) {
	o := newOwner(t)
	if err := syscall.Kill(o.pid, 0); err != nil {
		t.Fatalf("mongod does not run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.dir, "node0", "log")); err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	o.wantGone(t)
}

func TestOwnerReturns(t *testing.T) {
	o := newOwner(t)
	_ = o.stdin.Close()
	if err := o.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	o.wantGone(t)
}

// TestInterrupt does what Ctrl-C at a terminal does: SIGINT to the whole group.
func TestInterrupt(t *testing.T) {
	o := newOwner(t)
	if err := syscall.Kill(-o.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := o.line(); got != "lives true" {
		t.Errorf("after the interrupt: %q, want the server alive", got)
	}
}

func TestStopTwice(t *testing.T) {
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Stop()
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Stop: %v, want the directory gone", err)
	}
}

func TestStartIsBoundedByContext(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if s, err := Start(ctx, Options{}); !errors.Is(err, context.DeadlineExceeded) {
		if err == nil {
			s.Stop()
		}
		t.Errorf("Start returned %v, want the deadline exceeded", err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMongodThatDoesNotStart(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho error while loading shared libraries: libx.so >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "mongod"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	s, err := Start(t.Context(), Options{})
	if err == nil {
		s.Stop()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "libx.so") || !strings.Contains(err.Error(), "install the library") {
		t.Errorf("error %q does not say what is missing", err)
	}
}
