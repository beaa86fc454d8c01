package lgtask

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// TaskContext is what a handler knows of its task and can say about it. Its
// methods may be called from any goroutine while Run runs.
type TaskContext struct {
	conn     *Connection
	held     *tasks.Held
	max      int
	deadline time.Time
	stopping <-chan struct{}

	flushing sync.Mutex // held across a flush: an older one must not overwrite a newer one

	mu       sync.Mutex
	lines    []tasks.LogLine
	bytes    int
	dropped  int64
	dirty    bool   // lines changed since the last flush
	last     string // see conclude
	progress any
	noted    bool // progress, last line and processor were written since they changed
}

// Connection enqueues further tasks.
func (t *TaskContext) Connection() *Connection { return t.conn }

// ID is the task's.
func (t *TaskContext) ID() TaskID { return t.held.ID }

// TaskClass is the name of the task's class.
func (t *TaskContext) TaskClass() string { return t.held.TaskClass }

// TaskName is the task's name, or "".
func (t *TaskContext) TaskName() string { return t.held.TaskName }

// Processor is the name of the processor that runs the task.
func (t *TaskContext) Processor() string { return t.held.Processor }

// Attempt is 1 for the first attempt.
func (t *TaskContext) Attempt() int { return t.held.Attempt + 1 }

// MaxAttempts is how many attempts may fail.
func (t *TaskContext) MaxAttempts() int { return t.max }

// Due is when the task was to start.
func (t *TaskContext) Due() time.Time { return t.held.TsRequest }

// Deadline is when the attempt's time is over; ok is false if it has no limit.
func (t *TaskContext) Deadline() (deadline time.Time, ok bool) {
	return t.deadline, !t.deadline.IsZero()
}

// Stopping is closed when the processor begins to stop. The context ends only
// after the grace: a handler that listens here can end at a good place.
func (t *TaskContext) Stopping() <-chan struct{} { return t.stopping }

// Log adds a line to the task's log, formatted as by fmt.Sprint. The last one
// becomes the task's lastLog. 64 KiB of an attempt are kept, the newest.
func (t *TaskContext) Log(args ...any) { t.log(fmt.Sprint(args...)) }

// Logf adds a line to the task's log, formatted as by fmt.Sprintf.
func (t *TaskContext) Logf(format string, args ...any) { t.log(fmt.Sprintf(format, args...)) }

func (t *TaskContext) log(text string) {
	text = tasks.TrimLog(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, tasks.LogLine{At: time.Now(), Text: text})
	t.bytes += len(text) + 1 // a line counts even if it is empty
	for t.bytes > tasks.MaxLogBytes && len(t.lines) > 1 {
		t.bytes -= len(t.lines[0].Text) + 1
		t.lines = t.lines[1:]
		t.dropped++
	}
	t.dirty, t.noted = true, false
}

// Progress says how far the task is, for those who look at it: a number, a
// text or a document, at most 1 KiB. It is written once a second at most. It
// returns ErrInvalidTask for a value that cannot be stored.
func (t *TaskContext) Progress(v any) error {
	typ, data, err := bson.MarshalValue(v)
	if err == nil && len(data) > 1<<10 {
		err = fmt.Errorf("%d bytes; at most 1024", len(data))
	}
	if err != nil {
		return fmt.Errorf("%w: progress: %w", ErrInvalidTask, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress, t.noted = bson.RawValue{Type: typ, Value: data}, false
	return nil
}

// lastLog returns the last line, or "".
func (t *TaskContext) lastLog() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.lines); t.last == "" && n > 0 {
		return t.lines[n-1].Text
	}
	return t.last
}

// conclude makes a line the last one for those who look at the task, whatever
// was logged after it.
func (t *TaskContext) conclude(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = tasks.TrimLog(line)
}

// logs reports whether anything was logged.
func (t *TaskContext) logs() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines) > 0
}

// unwritten reports whether the last flush has anything to write.
func (t *TaskContext) unwritten() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dirty || !t.noted && (len(t.lines) > 0 || t.progress != nil)
}

// flush writes what is new of the log and the progress, and which processor has
// the task if the claim did not say; the last time the completion does. Losing
// the claim is not an error here: the completion finds that out.
func (t *TaskContext) flush(ctx context.Context, last bool) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.mu.Lock()
	dirty, noted := t.dirty, t.noted
	lines, dropped, progress := append([]tasks.LogLine(nil), t.lines...), t.dropped, t.progress
	t.dirty, t.noted = false, true
	t.mu.Unlock()
	var err error
	if dirty {
		err = t.conn.store.PutLog(ctx, *t.held, lines, dropped)
	}
	if err == nil && !noted {
		line := ""
		if n := len(lines); n > 0 {
			line = lines[n-1].Text
		}
		h := *t.held
		h.Ahead = h.Ahead && !last
		if err = t.conn.store.Note(ctx, h, line, progress); errors.Is(err, tasks.ErrFenced) {
			err = nil
		}
	}
	if err != nil {
		t.mu.Lock()
		t.dirty, t.noted = t.dirty || dirty, false
		t.mu.Unlock()
	}
	return err
}
