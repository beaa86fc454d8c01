package lgtask_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestLastLog(t *testing.T) {
	b := setup(t)
	b.start(1)
	long := strings.Repeat("ä", 2000)
	for name, c := range map[string]struct {
		act   func(*run) error
		state lgtask.State
		want  string // the beginning
	}{
		"nothing":       {func(*run) error { return nil }, lgtask.StateSuccess, "(no log)"},
		"an empty line": {func(r *run) error { r.Log(""); return nil }, lgtask.StateSuccess, "(no log)"},
		"the last line": {func(r *run) error { r.Log("one"); r.Logf("%d%s", 2, "nd"); return nil }, lgtask.StateSuccess, "2nd"},
		"a dollar sign": {func(r *run) error { r.Log("$$NOW"); return nil }, lgtask.StateSuccess, "$$NOW"},
		"an error":      {func(r *run) error { r.Log("one"); return errors.New("why") }, lgtask.StateError, "why"},
		"no text":       {func(*run) error { return errors.New("") }, lgtask.StateError, "the handler returned an error"},
		"a panic":       {func(*run) error { panic("why") }, lgtask.StateError, "panic: why"},
		"long":          {func(r *run) error { r.Log(long); return nil }, lgtask.StateSuccess, "ääää"},
		"a long error":  {func(*run) error { return errors.New(long) }, lgtask.StateError, "ääää"},
		"no UTF-8":      {func(r *run) error { r.Log("a\xff"); return nil }, lgtask.StateSuccess, "a\uFFFD"},
	} {
		b.does(c.act)
		id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
		got := b.ended(id, c.state)
		if !strings.HasPrefix(got.LastLog, c.want) || len(got.LastLog) > 1<<10 || !utf8.ValidString(got.LastLog) {
			t.Errorf("%s: lastLog is %d bytes, %.50q, want %q", name, len(got.LastLog), got.LastLog, c.want)
		}
		if failed := c.state == lgtask.StateError; failed != (len(got.Errors) == 1) {
			t.Errorf("%s: errors %+v", name, got.Errors)
		}
	}
}

func TestLogsOfEachAttempt(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error {
		r.Logf("attempt %d of %d", r.Attempt(), r.MaxAttempts())
		r.Log("second line")
		if r.Attempt() < 3 {
			return lgtask.RetryAfter(time.Millisecond, errors.New("again"))
		}
		return nil
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Tries", nil))
	got := b.ended(id, lgtask.StateSuccess)
	logs, err := b.conn.Logs(t.Context(), id)
	if err != nil || len(logs) != 3 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	for i, l := range logs {
		want := []string{"attempt 1 of 3", "attempt 2 of 3", "attempt 3 of 3"}[i]
		if l.Task != id || l.Attempt != i+1 || l.Processor != "here" || len(l.Lines) != 2 || l.Lines[0].Text != want || l.Lines[1].Text != "second line" {
			t.Errorf("log %d: %+v", i+1, l)
		}
		if l.Lines[0].At.Before(got.TsInsert.Add(-time.Minute)) {
			t.Errorf("log %d: a line of %v", i+1, l.Lines[0].At)
		}
	}
	// They are kept as long as their task.
	taskstest.Eventually(b, "the expiry of the logs", func() bool {
		logs, err := b.conn.Logs(t.Context(), id)
		return err == nil && logs[0].ExpireAt.Sub(got.ExpireAt).Abs() < time.Minute && logs[2].ExpireAt.Sub(got.ExpireAt).Abs() < time.Minute
	})
}

func TestLogKeepsTheNewest64KiB(t *testing.T) {
	b := setup(t)
	line := strings.Repeat("x", 999)
	b.does(func(r *run) error {
		if r.n == 1 {
			for range 300_000 {
				r.Log() // empty lines take space, too
			}
			return nil
		}
		for i := range 100 {
			r.Logf("%02d%s", i, line)
		}
		return nil
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.ended(id, lgtask.StateSuccess)
	logs, err := b.conn.Logs(t.Context(), id)
	if err != nil || len(logs) != 1 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	size, n := 0, len(logs[0].Lines)
	for _, l := range logs[0].Lines {
		size += len(l.Text)
	}
	if size > 64<<10 || size < 62<<10 || logs[0].Dropped != int64(100-n) {
		t.Errorf("%d lines, %d bytes, %d dropped", n, size, logs[0].Dropped)
	}
	if last := logs[0].Lines[n-1].Text; !strings.HasPrefix(last, "99x") {
		t.Errorf("the last line is %.10q", last)
	}

	id = b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": 1}))
	b.ended(id, lgtask.StateSuccess)
	if logs, err = b.conn.Logs(t.Context(), id); err != nil || len(logs) != 1 || len(logs[0].Lines)+int(logs[0].Dropped) != 300_000 {
		t.Errorf("empty lines: %d logs, %v", len(logs), err)
	}
}

func TestLogsWhileTheTaskRuns(t *testing.T) {
	b := setup(t)
	b.hold()
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	held := b.next()
	held.Log("so far")
	if err := held.Progress(bson.M{"done": 3, "of": 10}); err != nil {
		t.Error(err)
	}
	taskstest.Eventually(b, "the log of a running task", func() bool {
		logs, err := b.conn.Logs(t.Context(), id)
		return err == nil && len(logs) == 1 && b.task(id).LastLog == "so far" && b.task(id).Progress != nil
	})
	if err := held.Progress(strings.Repeat("x", 2000)); !errors.Is(err, lgtask.ErrInvalidTask) {
		t.Errorf("large progress: %v", err)
	}
	if err := held.Progress(make(chan int)); !errors.Is(err, lgtask.ErrInvalidTask) {
		t.Errorf("a channel as progress: %v", err)
	}
	if err := held.Progress(0.5); err != nil {
		t.Error(err)
	}
	held.end <- nil
	if got := b.ended(id, lgtask.StateSuccess); got.Progress != 0.5 || got.LastLog != "so far" {
		t.Errorf("progress %v, lastLog %q", got.Progress, got.LastLog)
	}
}

func TestLogFromManyGoroutines(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 50 {
					r.Log("line")
					if err := r.Progress(i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return nil
	})
	b.start(1)
	id := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.ended(id, lgtask.StateSuccess)
	if logs, err := b.conn.Logs(t.Context(), id); err != nil || len(logs) != 1 || len(logs[0].Lines) != 400 {
		t.Errorf("logs: %d, %v", len(logs), err)
	}
}
