package lgtask

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

// Result says what a call did.
type Result struct {
	// ID is the task that the call made, or the one that was there: the waiting
	// run of the name, else the one that is going.
	ID TaskID
	// Created says whether the call inserted a task or a schedule.
	Created bool
}

// CreateTask inserts a task that is due now. kwargs is a task value, a map, a
// bson.D, a bson.Raw or nil.
//
// Calls that come at the same time share a command; a lone one is sent at once.
// With the context of a session the call is made in that session, and so in its
// transaction.
//
// Errors: ErrInvalidTask, naming the value; ErrTaskExists, with WithID;
// *ErrUnknownOutcome; an error of the driver. After any but *ErrUnknownOutcome
// the task was not created. A context without a deadline is given one of a minute.
func (c *Connection) CreateTask(ctx context.Context, class string, kwargs any, opts ...TaskOption) (Result, error) {
	return c.DelayedTask(ctx, Now(), class, kwargs, opts...)
}

// DelayedTask inserts a task that is due at the given time; one in the past is
// due now. Errors: those of CreateTask; ErrInvalidTime.
func (c *Connection) DelayedTask(ctx context.Context, when When, class string, kwargs any, opts ...TaskOption) (Result, error) {
	r, err := c.ready(ctx, when, class, kwargs, opts)
	if err != nil {
		return Result{}, err
	}
	if mongo.SessionFromContext(ctx) != nil {
		return c.insertInSession(ctx, r)
	}
	if res, done, err := c.handOff(ctx, r); done {
		return res, err
	}
	err = c.inserts.do(ctx, r.doc)
	if idTaken(err) && r.repeatable {
		return c.sameTask(ctx, r.task)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{ID: r.doc.ID, Created: true}, nil
}

// readyTask is a plain or delayed task that is ready to be sent.
type readyTask struct {
	task       *tasks.Task
	doc        tasks.Doc
	repeatable bool // the caller gave the ID
}

// ready builds, checks and encodes the task of a call.
func (c *Connection) ready(ctx context.Context, when When, class string, kwargs any, opts []TaskOption) (readyTask, error) {
	o, err := collect("a plain or delayed task (CreateTask, DelayedTask, CreateTasks)", opts, "WithTaskName", "WithPriority", "WithMaxAttempts", "WithID")
	if err != nil {
		return readyTask{}, err
	}
	t, err := c.newTask(ctx, when, class, kwargs, &o)
	if err != nil {
		return readyTask{}, err
	}
	doc, err := c.store.Ready(ctx, t)
	return readyTask{t, doc, !o.id.IsZero()}, callError(err)
}

// insertInSession inserts a task in the caller's session. In a transaction the ID
// of a repeated call is looked for first, since a refused insert would abort the
// transaction; and the outcome is the transaction's.
func (c *Connection) insertInSession(ctx context.Context, r readyTask) (Result, error) {
	transaction := tasks.InTransaction(ctx)
	if transaction && r.repeatable {
		if have, err := c.sameTask(ctx, r.task); !errors.Is(err, ErrNotFound) {
			return have, err
		}
	}
	err := errorOf(c.store.InsertDocs(ctx, []tasks.Doc{r.doc}), 0)
	switch {
	case err == nil:
		return Result{ID: r.doc.ID, Created: true}, nil
	case transaction:
		return Result{}, err
	case idTaken(err) && r.repeatable:
		return c.sameTask(ctx, r.task)
	}
	return Result{}, insertError(ctx, r.doc.ID, err)
}

// idTaken reports whether an insert was refused for an _id that another document
// has, and the majority has that document.
func idTaken(err error) bool { return mongo.IsDuplicateKeyError(err) && !tasks.OutcomeUnknown(err) }

// sameTask decides about an ID that is taken. Outside a transaction the task is
// there even if it cannot be read.
func (c *Connection) sameTask(ctx context.Context, t *tasks.Task) (Result, error) {
	have, err := c.store.Get(ctx, t.ID)
	switch {
	case errors.Is(err, ErrNotFound), err != nil && tasks.InTransaction(ctx):
		return Result{}, err
	case err != nil:
		return Result{}, &ErrUnknownOutcome{ID: t.ID, Err: err}
	}
	return sameTask(&have, t)
}

// sameTask decides about an ID that is taken: by this very task, sent before, or
// by another.
func sameTask(have, t *tasks.Task) (Result, error) {
	if have.TaskClass != t.TaskClass || !tasks.KwargsEqual(have.Kwargs, t.Kwargs) {
		return Result{}, fmt.Errorf("%w: the ID %s is that of a task of class %s with other kwargs or class", ErrTaskExists, t.ID, have.TaskClass)
	}
	return Result{ID: t.ID}, nil
}

// BatchTask makes sure that a run of the name starts at the given time or
// earlier. If none waits, one is inserted. If one waits, nothing is inserted: it
// is moved up if the time is earlier or the priority higher. If one is going,
// exactly one more run follows it.
//
// Errors: those of DelayedTask; ErrTaskKwargs if a run of the name waits or is
// going with other kwargs. Kwargs compare by value; a task value writes all its
// fields, so a map that leaves out the zero ones is not the same (unless they are
// tagged omitempty).
func (c *Connection) BatchTask(ctx context.Context, when When, class string, kwargs any, opts ...TaskOption) (Result, error) {
	o, err := collect("BatchTask", opts, "WithTaskName", "WithPriority", "WithMaxAttempts")
	if err != nil {
		return Result{}, err
	}
	t, err := c.newTask(ctx, when, class, kwargs, &o)
	if err != nil {
		return Result{}, err
	}
	t.PendingKey = tasks.Key(t.TaskClass, t.TaskName)
	id, created, err := c.store.InsertNamed(ctx, t)
	return Result{ID: id, Created: created}, callError(err)
}

// newTask builds the document of a call.
func (c *Connection) newTask(ctx context.Context, when When, class string, kwargs any, o *callOptions) (*tasks.Task, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	t := &tasks.Task{ID: o.id, TaskClass: class}
	if err := c.fill(t, kwargs, o); err != nil {
		return nil, err
	}
	if when.kind == whenNow {
		return t, nil // the store fills in the server's time
	}
	now, err := c.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	t.TsRequest, err = when.due(now)
	return t, err
}

// fill sets kwargs, name, priority and attempts: the call's options before those
// of the task's class, as far as it is known here.
func (c *Connection) fill(t *tasks.Task, kw any, o *callOptions) error {
	if v := reflect.ValueOf(kw); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("%w: the kwargs are a nil %T", ErrInvalidTask, kw)
	}
	raw, err := c.binder.Encode(kw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidTask, err)
	}
	t.Kwargs = raw
	if opt, ok := kw.(Optioned); ok {
		t.Priority, t.MaxAttempts = opt.Options().Priority, opt.Options().MaxAttempts
	}
	if n, ok := kw.(Namer); ok {
		t.TaskName = n.TaskName()
	}
	if o.taskName != nil {
		t.TaskName = *o.taskName
	}
	if o.priority != nil {
		t.Priority = *o.priority
	}
	if o.maxAttempts != nil {
		if t.MaxAttempts = *o.maxAttempts; t.MaxAttempts < 1 {
			return fmt.Errorf("%w: max attempts = %d: must be 1 or more", ErrInvalidTask, t.MaxAttempts)
		}
	}
	return nil
}

// NameByKwargs returns a taskName made of the given kwargs, in their order, for
// use in a class's method TaskName: one singleton for each combination. A
// database or a collection counts by its name; a kwarg that is a pointer
// otherwise must have a method String, since an address is another in each
// process.
func NameByKwargs(values ...any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		switch h := v.(type) {
		case *mongo.Database:
			v = ""
			if h != nil {
				v = h.Name()
			}
		case *mongo.Collection:
			v = ""
			if h != nil {
				v = h.Database().Name() + "." + h.Name()
			}
		}
		parts[i] = strings.NewReplacer("%", "%25", ",", "%2C", "\n", "%0A").Replace(fmt.Sprint(v))
	}
	return strings.Join(parts, ",")
}
