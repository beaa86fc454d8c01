package raw

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	taskstest.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func collection(t *testing.T) *mongo.Collection {
	t.Helper()
	return Tasks(taskstest.Store(t).Database())
}

func count(t *testing.T, c *mongo.Collection, filter bson.D) int64 {
	t.Helper()
	n, err := c.CountDocuments(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func is(s tasks.State) bson.D { return bson.D{{Key: "state", Value: s}} }

func TestDrain(t *testing.T) {
	c := collection(t)
	const n = 2*BulkSize + 10 // several batches, the last a small one
	if err := Bulk(t.Context(), c, 5, n, nil); err != nil {
		t.Fatal(err)
	}
	if got := count(t, c, bson.D{{Key: "kwargs.n", Value: bson.D{{Key: "$gte", Value: 5}, {Key: "$lt", Value: 5 + n}}}}); got != n {
		t.Fatalf("%d tasks were inserted", got)
	}
	if _, err := Drain(t.Context(), c, n+1); err == nil {
		t.Error("a missing task is no error")
	}
	if got := count(t, c, is(tasks.Success)); got != n {
		t.Errorf("%d of %d tasks ended", got, n)
	}
	later := func(int) time.Time { return time.Now().Add(time.Hour) }
	if err := Bulk(t.Context(), c, 0, 3, later); err != nil {
		t.Fatal(err)
	}
	if took, err := Drain(t.Context(), c, 0); err != nil || took <= 0 {
		t.Errorf("nothing due: %v, %v", took, err)
	}
}

func TestFollow(t *testing.T) {
	c := collection(t)
	b, err := board.Create(filepath.Join(t.TempDir(), "board"), 3)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Follow(ctx, c, b)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for i := range 3 {
		b.Ask(i, time.Now())
		if err := One(t.Context(), c, i); err != nil {
			t.Fatal(err)
		}
	}
	taskstest.Eventually(t, "three tasks to end", func() bool { return count(t, c, is(tasks.Success)) == 3 })
	for i := range 3 {
		if s, l := b.Sight(i), b.Latency(i); b.Starts(i) != 1 || s <= 0 || l <= s {
			t.Errorf("task %d: %d starts, seen after %v, claimed after %v", i, b.Starts(i), s, l)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpread(t *testing.T) {
	var calls atomic.Int64
	took, err := Spread(100, 8, func(int) error { calls.Add(1); return nil })
	if err != nil || len(took) != 100 || calls.Load() != 100 {
		t.Errorf("%d durations, %d calls, %v", len(took), calls.Load(), err)
	}
	broken := errors.New("broken on purpose")
	if _, err := Spread(1000, 4, func(i int) error {
		if i >= 10 {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
