//go:build faults && linux

package clocks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is a server whose clock can be set, with a task database.
type world struct {
	*testing.T
	server *mongod.Server
	clock  string // the file that says how wrong the server's clock is
	uri    string
	db     *mongo.Database
	conn   *lgtask.Connection
	dir    string
}

// newWorld starts a server with the right clock.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir()}
	w.clock = filepath.Join(w.dir, "clock")
	w.set(0)
	starting, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var err error
	w.server, err = mongod.Start(starting, mongod.Options{Enter: [][]string{{"env", "LD_PRELOAD=" + faketime(t),
		"FAKETIME_TIMESTAMP_FILE=" + w.clock, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Stop)
	name := "clocks_" + bson.NewObjectID().Hex()
	u, err := mongouri.Parse(w.server.URI())
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.uri = u.Driver()
	client, err := mongo.Connect(options.Client().ApplyURI(w.uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w.db = client.Database(name)
	if w.conn, err = lgtask.New(w.db); err != nil {
		t.Fatal(err)
	}
	return w
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
	next := w.clock + ".new" // the server may read at any time
	err := os.WriteFile(next, fmt.Appendf(nil, "%+d\n", by/time.Second), 0o600)
	if err == nil {
		err = os.Rename(next, w.clock)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// eventually waits for what no event announces, and returns how long it took.
func (w *world) eventually(what string, most time.Duration, ok func() bool) time.Duration {
	w.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > most {
			w.Fatalf("waited %v for: %s", most, what)
		}
		<-tick.C
	}
	return time.Since(began)
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
	task, err := w.conn.Task(w.Context(), id)
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
