package tasksocket

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an API that keeps what it was told.
type fake struct {
	reply Reply
	err   error
	enter chan struct{} // if set, a call sends here and then waits for leave or its end
	leave chan struct{}

	mu   sync.Mutex
	told []string
}

func (f *fake) tell(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, s)
}

func (f *fake) all() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.told, "|")
}

func (f *fake) Call(ctx context.Context, call json.RawMessage) (Reply, error) {
	f.tell("call " + string(call))
	if f.enter != nil {
		f.enter <- struct{}{}
		select {
		case <-f.leave:
		case <-ctx.Done():
			return Reply{}, ctx.Err()
		}
	}
	return f.reply, f.err
}

func (f *fake) Log(line string) { f.tell("log " + line) }

func (f *fake) Progress(v json.RawMessage) error {
	f.tell("progress " + string(v))
	return f.err
}

// serve serves the fake and returns a client, and an end that returns Serve's
// error.
func serve(t *testing.T, api API) (c *Client, path string, end func() error) {
	t.Helper()
	// t.TempDir has the test's name in it, too long for a socket.
	dir, err := os.MkdirTemp("", "lgt")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, api) }()
	c = Dial(path)
	end = sync.OnceValue(func() error {
		c.Close()
		cancel()
		err := <-ended
		return errors.Join(err, os.RemoveAll(dir))
	})
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return c, path, end
}

func TestClientAndServer(t *testing.T) {
	api := &fake{reply: Reply{ID: "abc", Created: true}}
	c, path, end := serve(t, api)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode: %v, %v", info.Mode(), err)
	}
	reply, err := c.Call(t.Context(), map[string]any{"verb": "create", "class": "Mail"})
	if err != nil || reply != api.reply {
		t.Errorf("%+v, %v", reply, err)
	}
	if err := c.Log(t.Context(), "one\r\ntwo\n\nfour"); err != nil {
		t.Error(err)
	}
	if err := c.Progress(t.Context(), json.RawMessage(`{"done":3}`)); err != nil {
		t.Error(err)
	}
	if got, want := api.all(), `call {"class":"Mail","verb":"create"}|log one|log two|log |log four|progress {"done":3}`; got != want {
		t.Errorf("told:\n%s\nwant:\n%s", got, want)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
	var gone *UnreachableError
	if _, err := c.Call(t.Context(), 1); !errors.As(err, &gone) || !strings.Contains(err.Error(), "the task has ended") {
		t.Errorf("after the end: %v", err)
	}
}

// A call that is under way when the task ends is finished, not cut off.
func TestServeLetsCallsFinish(t *testing.T) {
	api := &fake{reply: Reply{ID: "late"}, enter: make(chan struct{}), leave: make(chan struct{})}
	c, path, end := serve(t, api)
	type result struct {
		reply Reply
		err   error
	}
	results, ended := make(chan result, 1), make(chan error, 1)
	go func() {
		reply, err := c.Call(context.Background(), 1)
		results <- result{reply, err}
	}()
	<-api.enter
	go func() { ended <- end() }()
	for { // until the end has begun: nobody new is let in
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(api.leave)
	if r := <-results; r.err != nil || r.reply.ID != "late" {
		t.Errorf("%+v", r)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A call that does not end is ended: its context is, and nothing is left behind,
// which TestMain sees.
func TestServeEndsCalls(t *testing.T) {
	api := &fake{enter: make(chan struct{})}
	c, _, end := serve(t, api)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Call(context.Background(), 1)
		failed <- err
	}()
	<-api.enter
	if err := end(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("the call succeeded")
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), l, &fake{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	if _, err := Listen("/tmp/" + strings.Repeat("x", 100)); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a long path: %v", err)
	}
	if _, err := Listen(filepath.Join(t.TempDir(), "missing", "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}
