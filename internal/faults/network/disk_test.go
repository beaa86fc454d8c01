//go:build faults && linux

package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// most is what share of a core a worker may use while it can do nothing, under the race
// detector: a busy loop uses all of one.
const most = 0.2

// TestDiskFull: the server's disk is full. Enqueueing fails with an error that says
// why, the worker waits without spinning, and once there is room again every task that
// was acknowledged is done.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t, 700)
	w := newWorld(t, mongod.Options{Dir: disk, OplogSizeMB: 50})
	a := w.start(settings{Name: "a", Processors: 2})
	w.create(20, Work{Takes: 5})
	for i := range 20 {
		w.enqueue(&Work{N: 100 + i}, lgtask.In(10*time.Second)) // due when the disk is full
	}
	ballast := filepath.Join(disk, "ballast")
	w.must(fill(ballast))
	w.says("the server's disk is full")

	tried, refusal := w.enqueueUntilRefused()
	w.says("after %d more tasks an enqueue was refused: %v", tried, refusal)
	a.idles(20*time.Second, "its server has a full disk")
	w.must(os.Remove(ballast))
	w.must(w.server.Restart(w.within(time.Minute)))
	w.says("there is room again, and the server runs")
	w.create(20, Work{Takes: 5})
	w.judge()
	a.end("a")
	a.tells("trying again")
}

// enqueueUntilRefused enqueues tasks until one is refused, or its outcome unknown.
func (w *world) enqueueUntilRefused() (tried int, refusal error) {
	w.Helper()
	blob := strings.Repeat("x", 1<<10)
	for began := time.Now(); time.Since(began) < 2*time.Minute; tried++ {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		k := Work{N: tried, Blob: blob}
		res, err := lgtask.Create(ctx, w.conn, &k)
		cancel()
		var unknown *lgtask.ErrUnknownOutcome
		switch {
		case err == nil:
			w.acked[res.ID] = true
			continue
		case errors.As(err, &unknown):
			w.unknown[unknown.ID] = k
		}
		return tried, err
	}
	w.Fatal("no enqueue was refused, though the disk is full")
	return 0, nil
}

// TestServerLocked: an administrator locks the server's files (fsyncLock) for longer
// than a lease. Nothing spins, nothing is lost, and all goes on afterwards.
func TestServerLocked(t *testing.T) {
	w := newWorld(t, mongod.Options{})
	a := w.start(settings{Name: "a", Processors: 2})
	b := w.start(settings{Name: "b", Processors: 2})
	for i := range 20 {
		w.enqueue(&Work{N: i}, lgtask.In(5*time.Second))
	}
	admin := w.db.Client().Database("admin")
	w.must(admin.RunCommand(w.within(time.Minute), bson.D{{Key: "fsync", Value: 1}, {Key: "lock", Value: true}}).Err())
	w.says("the server is locked")
	a.idles(lease+5*time.Second, "the server is locked")
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Second)
	_, err := lgtask.Create(ctx, w.conn, &Work{})
	cancel()
	var unknown *lgtask.ErrUnknownOutcome
	if !errors.As(err, &unknown) {
		w.Errorf("an enqueue on a locked server: %v; want an unknown outcome", err)
	} else {
		w.says("an enqueue: %v", err)
		w.unknown[unknown.ID] = Work{}
	}
	w.must(admin.RunCommand(w.within(time.Minute), bson.D{{Key: "fsyncUnlock", Value: 1}}).Err())
	w.says("and unlocked again")
	w.create(20, Work{Takes: 5})
	w.judge()
	a.end("a")
	b.end("b")
	w.says("a ran %d, b %d", len(a.all("runs")), len(b.all("runs")))
	a.tells("gave no sign of life for too long")
}

// TestLogDiskFull: the disk of the worker's own log is full, to the last byte. It starts
// all the same, runs its tasks and ends well.
func TestLogDiskFull(t *testing.T) {
	disk := smallDisk(t, 1)
	log := filepath.Join(disk, "log")
	w := newWorld(t, mongod.Options{})
	w.must(os.WriteFile(log, make([]byte, os.Getpagesize()), 0o600)) // what is added needs a page more
	w.must(fill(filepath.Join(disk, "ballast")))
	a := w.launch(w.host(), settings{Name: "a", Processors: 2, LogFile: log})
	ids := w.create(200, Work{})
	for _, id := range ids {
		a.waits(time.Minute, "ends", id.String())
	}
	w.judge()
	info, err := os.Stat(log)
	w.must(err)
	if info.Size() != int64(os.Getpagesize()) {
		t.Errorf("the log grew to %d bytes on a full disk: this shows nothing", info.Size())
	}
	_ = a.in.Close()
	<-a.gone
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	w.says("standard error was told: %s", &a.logs)
}

// smallDisk mounts a file system of so many megabytes, for this test.
func smallDisk(t *testing.T, mb int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mb)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for chunk := make([]byte, 1<<20); len(chunk) > 0 && err == nil; {
		if _, err = f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk, err = chunk[:len(chunk)/2], nil
		}
	}
	return errors.Join(err, f.Close())
}

// idles lets a fault last and wants the worker to use next to no processor meanwhile,
// and not to fill its log.
func (k *worker) idles(d time.Duration, why string) {
	k.w.Helper()
	before := k.cpu()
	k.w.lasts(d)
	used := k.cpu() - before
	share := used.Seconds() / d.Seconds()
	k.w.says("a worker while %s: %.1f %% of a core, over %v", why, 100*share, d)
	if share > most {
		k.w.Errorf("it used %.0f %% of a core; at most %.0f %%", 100*share, 100*most)
	}
}

// tells wants the log of a worker that has ended to hold a text, and not to be flooded.
func (k *worker) tells(text string) {
	k.w.Helper()
	logs := k.logs.String()
	lines := strings.Count(logs, "\n")
	k.w.says("its log has %d lines", lines)
	if lines > 200 || !strings.Contains(logs, text) {
		k.w.Errorf("want at most 200 lines, one of them with %q", text)
	}
}

// cpu is the processor time that the worker has used.
func (k *worker) cpu() time.Duration {
	k.w.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", k.cmd.Process.Pid))
	k.w.must(err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] { // in user mode, in the kernel
		n, err := strconv.Atoi(field)
		k.w.must(err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}
