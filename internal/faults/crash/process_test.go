//go:build faults && unix

package crash

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// process is a child of the test.
type process struct {
	*world
	name  string
	cmd   *exec.Cmd
	log   *buffer       // of both outputs
	gone  chan struct{} // closed when it has ended
	code  int           // once gone; -1 after a signal
	began time.Time
}

// buffer is what a process wrote so far.
type buffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
	return b.text.Write(p)
}

func (b *buffer) read() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String(), b.changed
}

// ready is what a worker logs once it listens.
const ready = "processors are ready"

// start starts a worker with n processors, and returns when it listens.
func (w *world) start(name string, n int, env map[string]string) *process {
	w.Helper()
	p := w.launch(name, n, env)
	p.wrote(ready, 1)
	return p
}

// launch starts a worker and does not wait.
func (w *world) launch(name string, n int, env map[string]string) *process {
	w.Helper()
	all := map[string]string{
		"LGTASK_DATABASE": w.uri, "LGTASK_NAME": name, "LGTASK_PROCESSORS": strconv.Itoa(n), "LGTASK_LOCK_DIR": w.dir,
		"LGTASK_LOG_FORMAT": "json", "LGTASK_RETENTION": "forever",
	}
	maps.Copy(all, env)
	return w.run("worker", name, all)
}

// run starts the test binary in a role. What is left when the test ends is killed.
func (w *world) run(role, name string, env map[string]string) *process {
	w.Helper()
	self, err := os.Executable()
	w.must(err)
	p := &process{world: w, name: name, cmd: exec.Command(self), gone: make(chan struct{}), began: time.Now(),
		log: &buffer{changed: make(chan struct{})}}
	// A program with the race detector waits a second before it exits.
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=20")
	for key, value := range env {
		p.cmd.Env = append(p.cmd.Env, key+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	_, err = p.cmd.StdinPipe() // closed with us, which ends the child
	w.must(err)
	w.must(p.cmd.Start())
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait() // its code tells
		p.code = p.cmd.ProcessState.ExitCode()
	}()
	w.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.gone
		if w.Failed() {
			text, _ := p.log.read()
			w.Logf("%s, process %d, wrote:\n%s", name, p.pid(), text[max(0, len(text)-5000):])
		}
	})
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// kill kills the process, and remembers when.
func (p *process) kill() {
	p.killed[p.pid()] = time.Now()
	p.signal(syscall.SIGKILL)
	<-p.gone
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// exits waits for the end and wants that code.
func (p *process) exits(code int) {
	p.Helper()
	select {
	case <-p.gone:
		if p.code != code {
			p.Errorf("%s ended with the code %d, want %d", p.name, p.code, code)
		}
	case <-time.After(patience):
		p.Fatalf("%s does not end", p.name)
	}
}

// stop ends the process in good order.
func (p *process) stop() {
	p.Helper()
	p.signal(syscall.SIGTERM)
	p.exits(0)
}

// wrote waits until the process has written what matches, count times.
func (p *process) wrote(pattern string, count int) {
	p.Helper()
	want := regexp.MustCompile(pattern)
	over := time.After(patience)
	for {
		text, changed := p.log.read()
		if len(want.FindAllString(text, count)) >= count {
			return
		}
		select {
		case <-changed:
		case <-p.gone:
			if text, _ := p.log.read(); len(want.FindAllString(text, count)) < count {
				p.Fatalf("%s ended, and had not written %q %d times", p.name, pattern, count)
			}
		case <-over:
			p.Fatalf("%s has not written %q %d times", p.name, pattern, count)
		}
	}
}

// never fails the test if the process has written what matches.
func (p *process) never(pattern string) {
	p.Helper()
	text, _ := p.log.read()
	if found := regexp.MustCompile(pattern).FindString(text); found != "" {
		p.Errorf("%s wrote %q", p.name, found)
	}
}
