package programs

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// patience bounds each wait. It is long, so that a busy machine fails no test.
const patience = 60 * time.Second

// site is where a test's programs run: a database, a folder of locks, a folder
// of tasks.
type site struct {
	testing.TB
	conn *lgtask.Connection
	env  map[string]string
}

func newSite(t testing.TB) *site {
	t.Helper()
	db := taskstest.DB(t)
	u, err := mongouri.Parse(taskstest.URI(t))
	if err == nil {
		u, err = u.WithDatabase(db.Name())
	}
	if err != nil {
		t.Fatal(err)
	}
	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return &site{TB: t, conn: conn, env: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "TMPDIR": t.TempDir(),
		"LGTASK_DATABASE": u.Driver(), "LGTASK_NAME": "n", "LGTASK_LOG_FORMAT": "json",
	}}
}

// with returns the site with other variables.
func (s *site) with(env map[string]string) *site {
	other := *s
	other.env = maps.Clone(s.env)
	maps.Copy(other.env, env)
	return &other
}

func (s *site) environ() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		if s.env[name] != "" {
			list = append(list, name+"="+s.env[name])
		}
	}
	return list
}

// program is a started program.
type program struct {
	*site
	cmd    *exec.Cmd
	out    *buffer // of both
	exited chan struct{}
	code   int // once exited
}

// buffer is what a program wrote so far.
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

// start starts the program. What still runs when the test ends is killed.
func (s *site) start(args ...string) *program {
	s.Helper()
	return s.startCommand(exec.Command(binary, args...))
}

func (s *site) startCommand(cmd *exec.Cmd) *program {
	s.Helper()
	p := &program{site: s, cmd: cmd, out: &buffer{changed: make(chan struct{})}, exited: make(chan struct{})}
	cmd.Env = s.environ()
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		err := cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
		if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
			p.code = -2
		}
	}()
	s.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.exited
		if s.Failed() {
			text, _ := p.out.read()
			s.Logf("%v wrote:\n%s", cmd.Args, text)
		}
	})
	return p
}

func (p *program) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) } // it may have ended

// wrote waits until the program has written what matches, count times.
func (p *program) wrote(pattern string, count int) {
	p.Helper()
	want := regexp.MustCompile(pattern)
	over := time.After(patience)
	for {
		text, changed := p.out.read()
		if len(want.FindAllString(text, -1)) >= count {
			return
		}
		select {
		case <-changed:
		case <-p.exited:
			if text, _ := p.out.read(); len(want.FindAllString(text, -1)) < count {
				p.Fatalf("it ended, and had not written %q %d times", pattern, count)
			}
		case <-over:
			p.Fatalf("%q was not written %d times", pattern, count)
		}
	}
}

// runs waits until the processors of these names run.
func (p *program) runs(names ...string) {
	p.Helper()
	for _, name := range names {
		p.wrote(`"processor":"`+name+`".*a processor runs|"processors":\[[^]]*"`+name+`"[^]]*\].*processors are ready`, 1)
	}
}

// exits waits for the end and wants that code.
func (p *program) exits(code int) {
	p.Helper()
	select {
	case <-p.exited:
		if p.code != code {
			p.Errorf("exit code %d, want %d", p.code, code)
		}
	case <-time.After(patience):
		p.Fatalf("%v does not end", p.cmd.Args)
	}
}

// stop ends the program as cron's or a container's owner does.
func (p *program) stop() {
	p.Helper()
	p.signal(syscall.SIGTERM)
	p.exits(0)
}

// kill ends the program as a crash does.
func (p *program) kill() {
	p.Helper()
	p.signal(syscall.SIGKILL)
	p.exits(-1)
}

// silent fails the test if the program wrote anything.
func (p *program) silent() {
	p.Helper()
	if text, _ := p.out.read(); text != "" {
		p.Errorf("it wrote:\n%s", text)
	}
}

// create makes a task.
func (s *site) create(class string, kwargs any) lgtask.TaskID {
	s.Helper()
	r, err := s.conn.CreateTask(s.Context(), class, kwargs)
	if err != nil {
		s.Fatal(err)
	}
	return r.ID
}

// comes waits until a task is in a state.
func (s *site) comes(id lgtask.TaskID, state lgtask.State) lgtask.Task {
	s.Helper()
	var task lgtask.Task
	taskstest.Eventually(s, "task to be "+string(state), func() bool {
		var err error
		if task, err = s.conn.Task(s.Context(), id); err != nil {
			s.Fatal(err)
		}
		return task.State == state
	})
	return task
}

// processors returns the processes that the database knows.
func (s *site) processors() []lgtask.ProcessorInfo {
	s.Helper()
	infos, err := s.conn.Processors(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return infos
}
