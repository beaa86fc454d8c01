package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/tasksocket"
)

// heard is what a task said over its socket.
type heard struct {
	mu   sync.Mutex
	said []string
}

func (h *heard) add(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, text)
}

// Call implements tasksocket.API, as a processor does it.
func (s *script) Call(ctx context.Context, body json.RawMessage) (tasksocket.Reply, error) {
	var call lgtask.Call
	if err := json.Unmarshal(body, &call); err != nil {
		return tasksocket.Reply{}, &tasksocket.Error{Text: err.Error(), Kind: tasksocket.InvalidTask}
	}
	res, err := s.conn.Do(ctx, call)
	if errors.Is(err, lgtask.ErrTaskExists) {
		err = &tasksocket.Error{Text: err.Error(), Kind: tasksocket.TaskExists}
	}
	return tasksocket.Reply{ID: res.ID.String(), Created: res.Created}, err
}

// Log implements tasksocket.API.
func (s *script) Log(line string) { s.heard.add("log " + line) }

// Progress implements tasksocket.API.
func (s *script) Progress(value json.RawMessage) error {
	if len(value) > 1<<10 {
		return &tasksocket.Error{Text: "progress: too large; at most 1024 bytes", Kind: tasksocket.InvalidTask}
	}
	s.heard.add("progress " + string(value))
	return nil
}

// socket serves the socket of a task.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 0, 0)
	dir, err := os.MkdirTemp("", "lgt") // the script's own folder has too long a path
	ts.Check(err)
	path := filepath.Join(dir, "s")
	l, err := tasksocket.Listen(path)
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tasksocket.Serve(ctx, l, s) }()
	ts.Defer(func() {
		cancel()
		ts.Check(errors.Join(<-ended, os.RemoveAll(dir)))
	})
	ts.Setenv(tasksocket.Env, path)
}

func told(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 1, 1)
	s.heard.mu.Lock()
	defer s.heard.mu.Unlock()
	if got := strings.Join(s.heard.said, "|"); got != args[0] {
		ts.Fatalf("it said %q", got)
	}
	s.heard.said = nil
}
