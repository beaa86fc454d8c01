package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// process is a child process that listens.
type process struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd
	in    io.Closer
	out   *json.Decoder
	logs  *bytes.Buffer // complete once it has ended
	ended bool
}

// start starts a child process on db and returns when it listens. What is
// still running when the test ends is killed.
func start(t testing.TB, db *mongo.Database, c childConfig) *process {
	t.Helper()
	c.Address = address(t, db)
	settings, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: c.Name, cmd: exec.Command(self), logs: &bytes.Buffer{}}
	// A program with the race detector waits a second before it exits.
	p.cmd.Env = append(os.Environ(), envChild+"="+string(settings), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=20")
	p.cmd.Stderr = p.logs
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cleanup)
	if r := p.next(); !r.Listening {
		t.Fatalf("%s did not start: %s", p.name, r.Failure)
	}
	return p
}

// startAll starts n processes called a, b, c and so on.
func startAll(t testing.TB, db *mongo.Database, n int, c childConfig) []*process {
	t.Helper()
	ps := make([]*process, n)
	for i := range ps {
		c.Name = string(rune('a' + i))
		ps[i] = start(t, db, c)
	}
	return ps
}

// address is that of db on the test server.
func address(t testing.TB, db *mongo.Database) string {
	t.Helper()
	u, err := mongouri.Parse(taskstest.URI(t))
	if err == nil {
		u, err = u.WithDatabase(db.Name())
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.Driver()
}

// next reads the child's next line. A child that says nothing is killed, which
// ends the read.
func (p *process) next() report {
	p.t.Helper()
	guard := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer guard.Stop()
	var r report
	if err := p.out.Decode(&r); err != nil {
		p.t.Fatalf("reading from %s: %v", p.name, err)
	}
	return r
}

// stop ends the child in good order and returns its counters.
func (p *process) stop() lgtask.ProcessorStats {
	p.t.Helper()
	p.askToStop()
	return p.stopped()
}

func (p *process) askToStop() {
	p.t.Helper()
	if err := p.in.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// stopped waits for the end of a child that was asked to stop.
func (p *process) stopped() lgtask.ProcessorStats {
	p.t.Helper()
	r := p.next()
	p.ended = true
	if err := p.cmd.Wait(); err != nil || r.Failure != "" {
		p.t.Errorf("%s: %v, %s", p.name, err, r.Failure)
	}
	return r.Stats
}

// stopAll stops the children and wants them to have missed nothing.
func stopAll(t testing.TB, ps []*process) {
	t.Helper()
	for _, p := range ps {
		p.askToStop()
	}
	for _, p := range ps {
		if s := p.stopped(); s.Missed != 0 {
			t.Errorf("%s: %d tasks were found by a safety sweep only", p.name, s.Missed)
		}
	}
}

// kill ends the child at once, as a lost machine would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	p.ended = true
	if err := p.cmd.Wait(); err == nil {
		p.t.Errorf("%s ended well though it was killed", p.name)
	}
}

func (p *process) cleanup() {
	if !p.ended {
		// Both fail only if it has ended by itself, which the test reports.
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
	if p.logs.Len() > 0 {
		p.t.Logf("log of %s:\n%s", p.name, p.logs)
	}
}
