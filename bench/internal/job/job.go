// Package job holds the tasks that the benchmark runs, which do nothing but say
// that they started, and their documents as lgtask writes them: so that the
// inserts that measure MongoDB alone, and those that only prepare a measurement,
// write the same as a call does.
package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	NoopClass    = "Noop"
	OtherClass   = "Other"
	NapClass     = "Nap"
	EndlessClass = "Endless"
)

// text is the 100 bytes that each task carries.
var text = strings.Repeat("0123456789", 10)

// shared is where the handlers of this process note their starts.
var shared atomic.Pointer[board.Board]

// NoteOn makes the handlers of this process note their starts on b.
func NoteOn(b *board.Board) { shared.Store(b) }

// Noop is the class of most tasks: a number, which is its slot on the board, and
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

// Other is a class for processes that have no part in what is going on.
type Other struct{ Noop }

// Nap is a task that takes a while.
type Nap struct {
	Noop
	Millis int64
}

// Run implements lgtask.Runner.
func (j *Nap) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if err := j.Noop.Run(ctx, t); err != nil || j.Millis == 0 {
		return err
	}
	over := time.NewTimer(time.Duration(j.Millis) * time.Millisecond)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Endless is a task that runs until its context ends, which it notes too.
type Endless struct{ Noop }

// Run implements lgtask.Runner.
func (j *Endless) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if err := j.Noop.Run(ctx, t); err != nil {
		return err
	}
	<-ctx.Done()
	shared.Load().See(int(j.N))
	return context.Cause(ctx)
}

// Register adds the classes of these names to the registry.
func Register(r *lgtask.Registry, classes ...string) error {
	for _, class := range classes {
		switch class {
		case NoopClass:
			lgtask.Register[Noop](r)
		case OtherClass:
			lgtask.Register[Other](r)
		case NapClass:
			lgtask.Register[Nap](r)
		case EndlessClass:
			lgtask.Register[Endless](r)
		default:
			return fmt.Errorf("there is no class %q", class)
		}
	}
	return nil
}

// Kind says what tasks are like. The zero value is a Noop of priority 0.
type Kind struct {
	Class    string // default NoopClass
	Priority int
	Lasts    time.Duration // of a Nap, in whole milliseconds
}

// New returns the task of that kind with the given number.
func (k Kind) New(n int) lgtask.Runner {
	switch noop := New(n); k.Class {
	case OtherClass:
		return &Other{*noop}
	case NapClass:
		return &Nap{*noop, k.Lasts.Milliseconds()}
	case EndlessClass:
		return &Endless{*noop}
	default:
		return noop
	}
}

// Document returns the task with the given number as CreateTask (or DelayedTask,
// if due is later than now) would write it.
func (k Kind) Document(n int, now, due time.Time) (*tasks.Task, error) {
	d := bson.D{{Key: "n", Value: int64(n)}, {Key: "text", Value: text}}
	if k.Class == NapClass {
		d = append(d, bson.E{Key: "millis", Value: k.Lasts.Milliseconds()})
	}
	kw, err := bson.Marshal(d)
	if err != nil {
		return nil, err
	}
	return &tasks.Task{
		ID: tasks.NewID(), V: tasks.Version, TaskClass: cmp.Or(k.Class, NoopClass), Kwargs: kw, State: tasks.Request,
		Priority: k.Priority, TsInsert: now, TsRequest: due,
	}, nil
}
