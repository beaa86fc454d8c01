package lgtask

import (
	"context"
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
// Errors: ErrInvalidTask, naming the value; ErrTaskExists, with WithID; an error
// of the driver. After one of the driver the outcome can be unknown: repeat the
// call WithID.
func (c *Connection) CreateTask(ctx context.Context, class string, kwargs any, opts ...TaskOption) (Result, error) {
	return c.DelayedTask(ctx, Now(), class, kwargs, opts...)
}

// DelayedTask inserts a task that is due at the given time; one in the past is
// due now. Errors: those of CreateTask; ErrInvalidTime.
func (c *Connection) DelayedTask(ctx context.Context, when When, class string, kwargs any, opts ...TaskOption) (Result, error) {
	o, err := collect("CreateTask and DelayedTask", opts, "WithTaskName", "WithPriority", "WithMaxAttempts", "WithID")
	if err != nil {
		return Result{}, err
	}
	t, err := c.newTask(ctx, when, class, kwargs, &o)
	if err != nil {
		return Result{}, err
	}
	err = c.store.Insert(ctx, t)
	if mongo.IsDuplicateKeyError(err) && !o.id.IsZero() {
		return c.sameTask(ctx, t)
	}
	if err != nil {
		return Result{}, callError(err)
	}
	return Result{ID: t.ID, Created: true}, nil
}

// sameTask decides about an ID that is taken: by this very task, sent before, or
// by another.
func (c *Connection) sameTask(ctx context.Context, t *tasks.Task) (Result, error) {
	have, err := c.store.Get(ctx, t.ID)
	if err != nil {
		return Result{}, err
	}
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
