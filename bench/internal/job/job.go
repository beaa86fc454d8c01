// Package job holds the task that the benchmark runs, which does nothing but say
// that it started, and its document as lgtask writes it: so that the inserts that
// measure MongoDB alone, and those that only prepare a measurement, write the same
// as a call does.
package job

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/tasks"
)

// The names of the classes.
const (
	NoopClass  = "Noop"
	OtherClass = "Other"
)

// text is the 100 bytes that each task carries.
var text = strings.Repeat("0123456789", 10)

// shared is where the handlers of this process note their starts.
var shared atomic.Pointer[board.Board]

// NoteOn makes the handlers of this process note their starts on b.
func NoteOn(b *board.Board) { shared.Store(b) }

// Noop is the class of all tasks: a number, which is its slot on the board, and
// 100 bytes.
type Noop struct {
	N    int64
	Text string
}

// New returns the task with the given number.
func New(n int) *Noop { return &Noop{N: int64(n), Text: text} }

// Run implements lgtask.Runner.
func (j *Noop) Run(context.Context, *lgtask.TaskContext) error {
	b := shared.Load()
	if b == nil {
		return errors.New("there is no board to note the start on")
	}
	b.Start(j.N)
	return nil
}

// Other is a class of which there are no tasks, for processes that only listen.
type Other struct{ Noop }

// Register adds the class of that name to the registry.
func Register(r *lgtask.Registry, class string) {
	if class == OtherClass {
		lgtask.Register[Other](r)
		return
	}
	lgtask.Register[Noop](r)
}

// Document returns the task with the given number as CreateTask (or DelayedTask,
// if due is later than now) would write it.
func Document(n int, now, due time.Time) (*tasks.Task, error) {
	kw, err := bson.Marshal(bson.D{{Key: "n", Value: int64(n)}, {Key: "text", Value: text}})
	if err != nil {
		return nil, err
	}
	return &tasks.Task{
		ID: tasks.NewID(), V: tasks.Version, TaskClass: NoopClass, Kwargs: kw, State: tasks.Request,
		TsInsert: now, TsRequest: due,
	}, nil
}
