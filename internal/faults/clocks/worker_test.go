//go:build faults && linux

package clocks

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/skew"
)

// Effect is the class of the workers of the chaos program.
type Effect struct{ Takes int64 }

// Run implements lgtask.Runner. Only workers run it.
func (*Effect) Run(context.Context, *lgtask.TaskContext) error {
	return errors.New("this process only enqueues")
}

// build builds the worker, the program of the fault suite, with a clock that can be wrong.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lgtask-clocks-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "worker")
	return path, skew.Build(context.Background(), "github.com/lgtask/lgtask/chaos", path)
})

// output keeps what a worker logs.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// worker starts a process whose clock is right, or wrong, or will be.
func (w *world) worker(path, name, clock string) *output {
	w.Helper()
	var log output
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "LGTASK_CHAOS_WORKER=1", "LGTASK_DATABASE="+w.URI, "LGTASK_NAME="+name, "LGTASK_PROCESSORS=2",
		"LGTASK_LOCK_DIR="+w.Dir, clock)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			w.Errorf("%s: %v: %s", name, err, log.String())
		}
	})
	return &log
}

// TestWorkerClockIsSet has the clock of one of two workers wrong by an hour, from the
// start or from a moment at which it works on a long task: for longer than a lease neither
// takes the other for dead, every task runs once, and none early by the server's clock.
func TestWorkerClockIsSet(t *testing.T) {
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Error(err)
		}
	})
	for name, clock := range map[string]string{
		"ahead": skew.Env(time.Hour), "behind": skew.Env(-time.Hour),
		"set ahead": skew.Step(time.Hour, 8*time.Second), "set back": skew.Step(-time.Hour, 8*time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			logs := []*output{w.worker(path, "right", "LC_ALL=C"), w.worker(path, "wrong", clock)}
			w.Eventually("both are there", lease, func() bool {
				ps, err := w.Conn.Processors(t.Context())
				return err == nil && len(ps) == 2
			})
			const long = lease + 15*time.Second
			var ids, delayed []lgtask.TaskID
			for range 2 {
				ids = append(ids, w.id(lgtask.Create(t.Context(), w.Conn, &Effect{long.Milliseconds()})))
			}
			for began, n := time.Now(), 0; time.Since(began) < long; n++ {
				ids = append(ids, w.id(lgtask.Create(t.Context(), w.Conn, &Effect{})))
				delayed = append(delayed, w.id(lgtask.Delayed(t.Context(), w.Conn, lgtask.In(time.Duration(n%7)*time.Second+time.Second), &Effect{})))
				w.lasts(250 * time.Millisecond)
			}
			ids = append(ids, delayed...)
			w.Eventually("all has ended", lease+safety, func() bool { return w.ended(ids) })
			var late time.Duration
			seen := w.effects()
			for _, id := range delayed {
				by := seen[id.String()].Sub(w.task(id).TsRequest)
				if by < 0 {
					t.Errorf("%s had its effect %v before it was due", id, -by)
				}
				late = max(late, by)
			}
			n, err := w.DB.Collection("effects").CountDocuments(t.Context(), bson.D{})
			if err != nil || int(n) != len(ids) {
				t.Errorf("%d tasks ran %d times, %v", len(ids), n, err)
			}
			for _, log := range logs {
				if text := log.String(); strings.Contains(text, "go back") || strings.Contains(text, "sign of life") {
					t.Errorf("a worker logged: %s", text)
				}
			}
			t.Logf("%d tasks once each, %d delayed ones none early, at most %.2f s late", len(ids), len(delayed), late.Seconds())
		})
	}
}

// effects returns when the server took the effect of each task, by the oplog. What a
// document says will not do: of a task that is claimed a moment early, tsStart is the
// instant that it is to begin.
func (w *world) effects() map[string]time.Time {
	w.Helper()
	var entries []struct {
		Wall time.Time `bson:"wall"`
		O    struct {
			Task string `bson:"task"`
		} `bson:"o"`
	}
	cur, err := w.DB.Client().Database("local").Collection("oplog.rs").Find(w.Context(),
		bson.D{{Key: "ns", Value: w.DB.Name() + ".effects"}, {Key: "op", Value: "i"}})
	if err == nil {
		err = cur.All(w.Context(), &entries)
	}
	if err != nil {
		w.Fatal(err)
	}
	seen := map[string]time.Time{}
	for _, e := range entries {
		seen[e.O.Task] = e.Wall
	}
	return seen
}
