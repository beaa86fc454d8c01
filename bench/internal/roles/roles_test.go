package roles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	child.Main(os.Args[1:], All)
	code := m.Run()
	taskstest.Close()
	os.Exit(code)
}

// site is a database of the test's, as a child is told of it.
func site(t *testing.T, slots int) (Setup, *board.Board, func(state tasks.State) int64) {
	t.Helper()
	db := taskstest.DB(t)
	before, after, _ := strings.Cut(taskstest.URI(t), "/?")
	s := Setup{URI: strings.TrimSuffix(before, "/") + "/" + db.Name() + "?" + after, Board: filepath.Join(t.TempDir(), "board"), LockDir: t.TempDir()}
	b, err := board.Create(s.Board, slots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, b, func(state tasks.State) int64 {
		n, err := db.Collection("tasks").CountDocuments(t.Context(), bson.D{{Key: "state", Value: state}})
		if err != nil {
			t.Error(err)
		}
		return n
	}
}

func play(t *testing.T, role string, s Setup) *child.Child {
	t.Helper()
	c, err := child.Start(t.Context(), role, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestOpenPace wants the latencies to count from the set instants, evenly apart,
// for both kinds of insert.
func TestOpenPace(t *testing.T) {
	const n, every = 20, 3 * time.Millisecond
	for _, raw := range []bool{false, true} {
		s, b, count := site(t, 2*n)
		s.Raw = raw
		p := play(t, ProducerRole, s)
		if err := p.Call(t.Context(), "pace", Pace{First: n, N: n, Every: every, Open: true}, nil); err != nil {
			t.Fatal(err)
		}
		if got := count(tasks.Request); got != n {
			t.Errorf("%d tasks were inserted", got)
		}
		for i := n + 1; i < 2*n; i++ {
			if gap := b.Latency(i-1) - b.Latency(i); gap != every { // nothing started: the instants alone
				t.Errorf("task %d is %v after the one before", i, gap)
			}
			if a := b.Acked(i); a <= 0 {
				t.Errorf("task %d was acknowledged %v after its instant", i, a)
			}
		}
	}
}

// TestPaceByStarts wants each insert to wait for starts of other tasks, and the
// tasks to be of the kind that was asked for.
func TestPaceByStarts(t *testing.T) {
	s, b, count := site(t, 6)
	p := play(t, ProducerRole, s)
	done := make(chan error, 1)
	go func() {
		kind := job.Kind{Class: job.NapClass, Priority: 9}
		done <- p.Call(t.Context(), "pace", Pace{First: 4, N: 2, Starts: 2, Kind: kind}, nil)
	}()
	for k := range int64(2) {
		b.Start(2 * k)
		if n := count(tasks.Request); n != k {
			t.Errorf("%d tasks were inserted after %d starts", n, 2*k+1)
		}
		b.Start(2*k + 1)
		taskstest.Eventually(t, "a task to be inserted", func() bool { return count(tasks.Request) == k+1 })
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := count(tasks.Request); n != 2 || !b.Asked(5).After(b.Started(3)) {
		t.Errorf("%d tasks; the last was asked for at %v, after a start at %v", n, b.Asked(5), b.Started(3))
	}
}

// TestWorker runs tasks that its own process enqueues.
func TestWorker(t *testing.T) {
	const n = 3
	s, b, count := site(t, n)
	s.Name, s.Processors, s.Classes = "bench", 2, []string{job.NoopClass}
	w := play(t, WorkerRole, s)
	var at Started
	if err := w.Call(t.Context(), "start", nil, &at); err != nil || !at.Returned.After(at.Called) {
		t.Fatalf("%v, %v", at, err)
	}
	if err := w.Call(t.Context(), "pace", Pace{N: n, Every: time.Millisecond}, nil); err != nil {
		t.Fatal(err)
	}
	taskstest.Eventually(t, "the tasks to end", func() bool { return count(tasks.Success) == n })
	for i := range n {
		if l := b.Latency(i); b.Starts(i) != 1 || l <= 0 {
			t.Errorf("task %d: %d starts, the last after %v", i, b.Starts(i), l)
		}
	}
	var c Counts
	if err := w.Call(t.Context(), "counts", nil, &c); err != nil || c.Won != n || c.Asked < n {
		t.Errorf("%+v, %v", c, err)
	}
	var u Usage
	if err := w.Call(t.Context(), "collect", nil, nil); err != nil {
		t.Error(err)
	}
	if err := w.Call(t.Context(), "usage", nil, &u); err != nil || u.CPU <= 0 {
		t.Errorf("%+v, %v", u, err)
	}
}
