//go:build faults && linux

package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// What is promised.
const (
	lease = 30 * time.Second
	sweep = 15 * time.Second // and what a noisy machine adds
)

// world is a test's servers, workers and tasks.
type world struct {
	*testing.T
	server  *mongod.Server
	members []*netlab.Host // of the servers
	uri     string
	conn    *lgtask.Connection
	db      *mongo.Database
	began   time.Time
	since   bson.Timestamp // of the server, before the first task
	acked   map[lgtask.TaskID]bool
	crew    []*worker
	unknown map[lgtask.TaskID]Work // enqueues of which nobody knows yet
	dir     string                 // for locks and logs
}

var hosts atomic.Int64

// newWorld starts servers, each on a host of its own.
func newWorld(t *testing.T, o mongod.Options) *world {
	t.Helper()
	w := &world{T: t, began: time.Now(), acked: map[lgtask.TaskID]bool{}, unknown: map[lgtask.TaskID]Work{}, dir: t.TempDir()}
	for range max(o.Members, 1) {
		h := w.host()
		w.members = append(w.members, h)
		o.Hosts, o.Enter = append(o.Hosts, h.IP()), append(o.Enter, h.Enter())
	}
	ctx := w.within(2 * time.Minute)
	var err error
	w.server, err = mongod.Start(ctx, o)
	w.must(err)
	t.Cleanup(w.server.Stop)
	w.uri = w.server.URI()
	w.conn, err = lgtask.Connect(ctx, w.uri) // the path is empty: database "lgtask"
	w.must(err)
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.conn.Close(closing); err != nil {
			t.Logf("closing the connection: %v", err)
		}
	})
	w.db = w.conn.Database()
	var reply struct {
		Time bson.Timestamp `bson:"operationTime"`
	}
	w.must(w.db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Decode(&reply))
	w.since = reply.Time
	return w
}

// host adds a host, for this test.
func (w *world) host() *netlab.Host {
	w.Helper()
	h, err := lab.Add(w.within(time.Minute), fmt.Sprintf("h%d", hosts.Add(1)))
	w.must(err)
	w.Cleanup(func() {
		if err := h.Remove(context.Background()); err != nil {
			w.Errorf("removing a host: %v", err)
		}
	})
	return h
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// within returns a context for something that takes no longer.
func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	w.Cleanup(cancel)
	return ctx
}

// eventually looks again and again until ok returns true, for at most limit.
func (w *world) eventually(limit time.Duration, what string, ok func() bool) time.Duration {
	w.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			w.Fatalf("waited %v for: %s", limit, what)
		}
		w.lasts(20 * time.Millisecond)
	}
	return time.Since(began)
}

// lasts lets a fault last so long.
func (w *world) lasts(d time.Duration) {
	w.Helper()
	if err := wait(w.Context(), d); err != nil {
		w.Fatal(err)
	}
}

// says logs what was found, with the time since the beginning.
func (w *world) says(format string, args ...any) {
	w.Helper()
	w.Logf("%6.1fs  %s", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// enqueue enqueues a task, and repeats it until its outcome is known.
func (w *world) enqueue(k *Work, when lgtask.When, opts ...lgtask.TaskOption) lgtask.TaskID {
	w.Helper()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		res, err := lgtask.Delayed(ctx, w.conn, when, k, opts...)
		cancel()
		var unknown *lgtask.ErrUnknownOutcome
		switch {
		case err == nil:
			w.acked[res.ID] = true
			return res.ID
		case errors.As(err, &unknown):
			opts = []lgtask.TaskOption{lgtask.WithID(unknown.ID)}
		case time.Since(began) > time.Minute:
			w.Fatalf("enqueueing: %v", err)
		}
	}
}

// create enqueues so many tasks, due now.
func (w *world) create(n int, k Work) (ids []lgtask.TaskID) {
	w.Helper()
	for i := range n {
		k.N = i
		ids = append(ids, w.enqueue(&k, lgtask.Now()))
	}
	return ids
}

// lockDir makes a folder for the locks of a host: another host's cannot be seen.
func (w *world) lockDir(name string) string {
	dir := filepath.Join(w.dir, name)
	w.must(os.MkdirAll(dir, 0o700))
	return dir
}

// rounds is how often something is repeated.
func rounds(t *testing.T) int {
	text := os.Getenv("FAULTS_ROUNDS")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 2 {
		t.Fatalf("FAULTS_ROUNDS=%q is no whole number of at least 2", text)
	}
	return n
}
