//go:build image

package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(engineEnv); text != "" {
		os.Exit(engine(text))
	}
	code := m.Run()
	taskstest.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// container is an image to be started. Everything that a container may do is in
// the image and in env: none is given arguments.
type container struct {
	root   string
	config imageConfig
	env    []string
	secret string // what the file secretPath holds
	ready  string // what it logs when it works
}

// process is a container that was started.
type process struct {
	container
	args   []string
	cmd    *exec.Cmd
	output console
	ended  chan error
}

// start starts the image's entry point, or other arguments. What still runs at
// the end of the test is killed.
func (c container) start(t *testing.T, args ...string) *process {
	t.Helper()
	if len(args) == 0 {
		args = append(c.config.Entrypoint, c.config.Cmd...)
	}
	for _, dir := range mountPoints {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "database")
	write(t, secret, []byte(c.secret+"\n"))
	if err := errors.Join(os.Chmod(secret, 0o400), os.Chown(secret, userID, userID)); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(launch{Root: c.root, Secret: secret, Args: args, Env: c.environment(), Hostname: "container"})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{container: c, args: args, cmd: exec.Command("/proc/self/exe"), ended: make(chan error, 1)}
	p.cmd.Env = []string{engineEnv + "=" + string(text)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	runtime.LockOSThread() // until the test ends: the container is killed when the thread ends that started it
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended, unless the test failed
		<-p.ended
		if t.Failed() {
			t.Logf("%q wrote:\n%s", args, p.output.String())
		}
	})
	return p
}

func (c container) environment() []string {
	return append(append([]string{}, c.config.Env...), c.env...)
}

// says waits until the container has written a text.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	taskstest.Eventually(t, fmt.Sprintf("%q in the output, or the end of the container", text), func() bool {
		return strings.Contains(p.output.String(), text) || len(p.ended) > 0
	})
	if !strings.Contains(p.output.String(), text) {
		t.Fatalf("the container ended (%v) and has not written %q", <-p.ended, text)
	}
}

// exits waits for the end of the container, which must have this exit code.
func (p *process) exits(t *testing.T, code int) {
	t.Helper()
	if err := <-p.ended; p.cmd.ProcessState.ExitCode() != code {
		t.Errorf("%q: %v, want exit code %d", p.args, err, code)
	}
}

// health runs the image's health check in the container, as an engine does, and
// returns its exit code.
func (p *process) health(t *testing.T) int {
	t.Helper()
	id := strconv.Itoa(userID)
	args := append([]string{"--target", strconv.Itoa(p.cmd.Process.Pid), "--mount", "--pid", "--uts", "--root", "--wd",
		"--setuid", id, "--setgid", id, "--"}, p.config.Healthcheck.Test[1:]...)
	cmd := exec.Command("nsenter", args...)
	cmd.Env = p.environment()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	t.Logf("health: %v, %s", cmd.ProcessState, bytes.TrimSpace(out))
	return cmd.ProcessState.ExitCode()
}

// wantNoOrphans waits until nothing is left in the container but the program, in
// one process or several, and no dead process that nobody waited for.
func (p *process) wantNoOrphans(t *testing.T) {
	t.Helper()
	program := filepath.Base(p.args[0]) // short enough for the system to keep it
	var last [][2]string
	defer func() {
		if t.Failed() {
			t.Logf("names and states of the processes in the container: %q", last)
		}
	}()
	taskstest.Eventually(t, "the end of all other processes", func() bool {
		last = p.processes(t)
		for _, inside := range last {
			if name, state := inside[0], inside[1]; name != program || state == "Z" {
				return false
			}
		}
		return true
	})
}

// processes returns the name and the state of each process in the container.
func (p *process) processes(t *testing.T) (all [][2]string) {
	t.Helper()
	space := func(dir string) string {
		name, _ := os.Readlink(filepath.Join(dir, "ns/pid")) // empty for what has ended meanwhile
		return name
	}
	ours := space(fmt.Sprintf("/proc/%d", p.cmd.Process.Pid))
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || ours == "" {
		t.Fatalf("the container has ended, %v", err)
	}
	for _, dir := range dirs {
		if space(dir) != ours {
			continue
		}
		// PID (NAME) STATE …; a name may hold anything.
		text, err := os.ReadFile(filepath.Join(dir, "stat"))
		if before, after, ok := strings.Cut(string(text), ") "); ok && err == nil {
			_, name, _ := strings.Cut(before, "(")
			all = append(all, [2]string{name, after[:1]})
		}
	}
	return all
}

// console keeps what a container writes.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// owner returns who owns a file.
func owner(t *testing.T, path string) (uid, gid uint32) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid
}
