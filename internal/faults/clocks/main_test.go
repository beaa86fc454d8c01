//go:build faults && linux

package clocks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/faults/stage"
	"github.com/lgtask/lgtask/internal/mongod"
)

func TestMain(m *testing.M) { stage.Main(m) }

// world is a server whose clock can be set, with a task database.
type world struct {
	*stage.Stage
	clock string // the file that says how wrong the server's clock is
}

// newWorld starts a server with the right clock.
func newWorld(t *testing.T) *world {
	t.Helper()
	clock := filepath.Join(t.TempDir(), "clock")
	if err := write(clock, 0); err != nil {
		t.Fatal(err)
	}
	return &world{stage.New(t, mongod.Options{Enter: [][]string{{"env", "LD_PRELOAD=" + faketime(t),
		"FAKETIME_TIMESTAMP_FILE=" + clock, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}}}), clock}
}

// faketime returns the library that fakes the time of a program.
func faketime(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if err != nil || len(found) == 0 {
		t.Fatalf("libfaketime is not there (%v): install it, as by apt-get install libfaketime", err)
	}
	return found[0]
}

// set sets the server's clock: so far from that of this machine.
func (w *world) set(by time.Duration) {
	w.Helper()
	if err := write(w.clock, by); err != nil {
		w.Fatal(err)
	}
}

// write replaces the file at once: the server may read it at any time.
func write(clock string, by time.Duration) error {
	next := clock + ".new"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d\n", by/time.Second), 0o600); err != nil {
		return err
	}
	return os.Rename(next, clock)
}

// lasts lets a fault last.
func (w *world) lasts(d time.Duration) {
	w.Helper()
	select {
	case <-time.After(d):
	case <-w.Context().Done():
		w.Fatal(context.Cause(w.Context()))
	}
}

func (w *world) task(id lgtask.TaskID) lgtask.Task {
	w.Helper()
	task, err := w.Conn.Task(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return task
}

func (w *world) id(r lgtask.Result, err error) lgtask.TaskID {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return r.ID
}
