//go:build faults && unix

package crash

import (
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// Spin is a task that takes the processor and the memory for itself, or blocks a
// thread, and does not heed its context.
type Spin struct {
	Takes  int64 // milliseconds
	Blocks bool  // in a system call
}

// Run implements lgtask.Runner.
func (s *Spin) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return record(ctx, t, func() error {
		until := time.Now().Add(time.Duration(s.Takes) * time.Millisecond)
		if s.Blocks {
			return block(until)
		}
		var rubbish [1000][]*int
		for i := 0; time.Now().Before(until); i++ {
			few := make([]*int, 10_000)
			for j := range few {
				few[j] = new(int)
			}
			rubbish[i%len(rubbish)/10] = few
		}
		runtime.KeepAlive(rubbish)
		return nil
	})
}

// block waits in a system call that the scheduler of Go knows nothing of.
func block(until time.Time) error {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		return err
	}
	time.AfterFunc(time.Until(until), func() { _ = syscall.Close(ends[1]) })
	_, err := syscall.Read(ends[0], make([]byte, 1)) // until the other end is closed
	_ = syscall.Close(ends[0])
	return err
}

// spinner keeps a processor of the machine busy until the test is gone.
func spinner() int {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for i := 0; ; i++ {
		if i < 0 {
			return i
		}
	}
}

// TestStarvedProcess: handlers that spin, fill the memory or block for longer than the
// lease, with one thread for all goroutines and a machine that is busy with other
// things, cost nobody the lease.
func TestStarvedProcess(t *testing.T) {
	const takes = lease + 15*time.Second
	w := newWorld(t)
	for range 2 * runtime.NumCPU() {
		w.run("spinner", "spinner", nil)
	}
	starved := w.start("a", 3, map[string]string{"GOMAXPROCS": "1", "GOGC": "5"})
	blocks := w.create("Spin", Spin{Takes: takes.Milliseconds(), Blocks: true})
	spins := w.create("Spin", Spin{Takes: takes.Milliseconds()})
	w.ran(blocks, 1)
	w.ran(spins, 1)
	watching := w.start("b", 1, map[string]string{"LGTASK_CLASSES": "Spin"}) // it would take them
	v := w.judge(false)
	longest, beats := w.silence(w.ran(spins, 1)[0].Holder)
	starved.stop()
	watching.stop()
	w.empty()
	starved.never("no sign of life|alive again")
	watching.never("its tasks go back")
	if v.runs != 2 || w.task(spins).Crashes != 0 || beats == 0 {
		t.Errorf("%d runs, %d crashes, %d signs of life", v.runs, w.task(spins).Crashes, beats)
	}
	t.Logf("%d signs of life, the longest time between two of them %v, on %s processors", beats, longest, strconv.Itoa(runtime.NumCPU()))
}

// silence returns the longest time between two signs of life of a process.
func (w *world) silence(epoch string) (longest time.Duration, beats int) {
	w.Helper()
	cur, err := w.db.Client().Database("local").Collection("oplog.rs").Find(w.Context(), bson.D{
		{Key: "ns", Value: w.db.Name() + ".processors"}, {Key: "op", Value: "u"}, {Key: "o2._id", Value: epoch}})
	w.must(err)
	var entries []struct {
		Wall time.Time `bson:"wall"`
	}
	w.must(cur.All(w.Context(), &entries))
	for i := 1; i < len(entries); i++ {
		longest = max(longest, entries[i].Wall.Sub(entries[i-1].Wall))
	}
	return longest, len(entries)
}
