package lgtask

import (
	"bytes"
	"context"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// programTime is how long a test waits for a program. It is long, so that a busy
// machine fails no test.
const programTime = 40 * time.Second

// output collects what a program writes, for tests that wait for a text in it.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

func (o *output) String() string {
	text, _ := o.read()
	return text
}

// wait returns when the text was written.
func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	over := time.After(programTime)
	for {
		have, changed := o.read()
		if strings.Contains(have, text) {
			return
		}
		select {
		case <-changed:
		case <-over:
			t.Fatalf("%q was not written; this was:\n%s", text, have)
		}
	}
}

// running is a program that a test runs in its own process.
type running struct {
	*program
	out, err *output
	signals  chan os.Signal
	code     chan int
	took     time.Duration // set when there is a code
}

// runProgram starts the program "prog" with an environment of its own.
func runProgram(t *testing.T, r *Registry, environ map[string]string, args ...string) *running {
	t.Helper()
	if environ["LGTASK_LOCK_DIR"] == "" { // names are the test's own
		environ = maps.Clone(environ)
		if environ == nil {
			environ = map[string]string{}
		}
		environ["LGTASK_LOCK_DIR"] = t.TempDir()
	}
	p := &running{out: newOutput(), err: newOutput(), signals: make(chan os.Signal, 2), code: make(chan int, 1)}
	p.program = &program{name: "prog", registry: r, config: testLoader(environ), stdout: p.out, stderr: p.err, signals: p.signals}
	began := time.Now()
	go func() {
		code := p.run(context.Background(), args)
		p.took = time.Since(began)
		p.code <- code
	}()
	return p
}

// exits fails unless the program ends with that code.
func (p *running) exits(t *testing.T, want int) {
	t.Helper()
	select {
	case got := <-p.code:
		if got != want {
			t.Errorf("exit code %d, want %d; the program wrote:\n%s", got, want, p.err)
		}
	case <-time.After(programTime):
		t.Fatalf("the program does not end; it wrote:\n%s", p.err)
	}
}

// terminate ends a program that is expected to stop cleanly.
func (p *running) terminate(t *testing.T) {
	t.Helper()
	p.signals <- syscall.SIGTERM
	p.exits(t, exitDone)
}

// wrong runs a program that must end with exit code 2 and one line that says all
// parts.
func wrong(t *testing.T, r *Registry, environ map[string]string, args []string, parts ...string) {
	t.Helper()
	runProgram(t, r, environ, args...).refuses(t, parts...)
}

func (p *running) refuses(t *testing.T, parts ...string) {
	t.Helper()
	p.exits(t, exitUsage)
	text := p.err.String()
	if strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "prog: ") || p.out.String() != "" {
		t.Errorf("not one line on standard error: %q, %q", text, p.out)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// testAddress returns a database of the test's own and its address.
func testAddress(t *testing.T) (address, name string) {
	t.Helper()
	name = taskstest.DB(t).Name()
	u, err := mongouri.Parse(taskstest.URI(t))
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.Driver(), name
}

// testConnection is for what a test enqueues and reads beside the program.
func testConnection(t *testing.T, address string) *Connection {
	t.Helper()
	c, err := Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// mainTask tells a test that it runs, and waits for the test or, unless it is
// stubborn, for the end of its context.
type mainTask struct {
	Stubborn bool
	Secret   string

	began chan string   // the processor's name
	let   chan struct{} // closed by the test
}

// TaskClass implements Classer.
func (*mainTask) TaskClass() string { return "MainTask" }

func (m *mainTask) Run(ctx context.Context, t *TaskContext) error {
	m.began <- t.Processor()
	if m.Stubborn {
		<-m.let
		return nil
	}
	select {
	case <-m.let:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mainRegistry returns a registry whose mainTasks report to the channels.
func mainRegistry(t *testing.T) (r *Registry, began chan string, let chan struct{}) {
	t.Helper()
	r, began, let = NewRegistry(), make(chan string, 10), make(chan struct{})
	Register[mainTask](r)
	r.classes["MainTask"].make = func() Runner { return &mainTask{began: began, let: let} }
	return r, began, let
}

func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(programTime):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

func createMainTask(t *testing.T, c *Connection, kwargs bson.M) TaskID {
	t.Helper()
	res, err := c.CreateTask(t.Context(), "MainTask", kwargs)
	if err != nil {
		t.Fatal(err)
	}
	return res.ID
}

func wantState(t *testing.T, c *Connection, id TaskID, want State) {
	t.Helper()
	task, err := c.Task(t.Context(), id)
	if err != nil || task.State != want {
		t.Errorf("task %s is %s, %v; want %s", id, task.State, err, want)
	}
}
