package lgtask

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/lgtask/lgtask/kwargs"
	"github.com/lgtask/lgtask/tasks"
)

// Runner is a task class: an exported struct whose exported fields are its
// kwargs. The name of a kwarg is the field's bson tag, else its json tag, else
// the field's name with its first word in small letters. A missing kwarg leaves
// the zero value, unless the field is tagged `lgtask:"required"`.
type Runner interface {
	// Run does the work. ctx ends when the task's time is over, when it is
	// killed, and when the processor stops; context.Cause says which. A nil
	// error is success. See RetryAfter, Discard and Snooze.
	Run(ctx context.Context, t *TaskContext) error
}

// Namer is implemented by classes whose taskName follows from their kwargs, such
// as a singleton for each database. It must return the same for the same kwargs.
type Namer interface{ TaskName() string }

// Optioned is implemented by classes with options of their own.
type Optioned interface{ Options() ClassOptions }

// Classer is implemented by classes whose name is not that of their Go type.
type Classer interface{ TaskClass() string }

// ClassOptions are the options of a class.
type ClassOptions struct {
	MaxAttempts int                             // failed attempts until the task ends as an error; default Config.MaxAttempts
	Backoff     func(attempt int) time.Duration // wait after failed attempt 1, 2, …; default DefaultBackoff
	Timeout     time.Duration                   // of one attempt; default none
	Priority    int                             // of its tasks when enqueued with their type
	KeepRunning bool                            // even if others may have taken the process for dead, see ErrLeaseLost; then it may run twice at a time
}

// DefaultBackoff is 10 s × 3^(attempt−1), at most an hour. A task waits up to a
// fifth less or more, at random.
func DefaultBackoff(attempt int) time.Duration {
	d := 10 * time.Second
	for range attempt - 1 {
		if d *= 3; d >= longestBackoff {
			return longestBackoff
		}
	}
	return d
}

const longestBackoff = time.Hour

// SingletonTask is embedded by classes of which one run of a name may be going
// at a time. A plain or delayed task that meets a going run ends as aborted,
// "already running".
type SingletonTask struct{}

// NotKwargs keeps the embedded struct out of the kwargs.
func (SingletonTask) NotKwargs() {}

func (SingletonTask) singleton() {}

// LoopingTask is embedded by classes whose Run is called again and again within
// one task, every LoopSleep for LoopFor, until it returns an error or the
// processor stops. A class changes these by methods of its own with the same
// names.
type LoopingTask struct{}

// NotKwargs keeps the embedded struct out of the kwargs.
func (LoopingTask) NotKwargs() {}

// LoopSleep is the time between the end of a call of Run and the next: 0.
func (LoopingTask) LoopSleep() time.Duration { return 0 }

// LoopFor is the time after which Run is not called again: 30 minutes.
func (LoopingTask) LoopFor() time.Duration { return 30 * time.Minute }

type looping interface {
	LoopSleep() time.Duration
	LoopFor() time.Duration
}

// Registry holds the task classes that a program can run. It is filled before a
// processor is made of it.
type Registry struct {
	mu       sync.Mutex
	classes  map[string]*class
	unusable error // see RegisterTypes
}

// class is a registered task class.
type class struct {
	name      string
	singleton bool
	named     bool // computes its taskName from its kwargs
	options   ClassOptions
	make      func() Runner
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{classes: map[string]*class{}} }

// Register adds the class of type T, under the name of the type or that of its
// method TaskClass. It panics if T cannot be a class or its name is taken: that
// is a mistake in the program, found at its start.
func Register[T any, P interface {
	*T
	Runner
}](r *Registry) {
	if err := r.add(reflect.TypeFor[T](), func() Runner { return P(new(T)) }); err != nil {
		panic("lgtask.Register: " + err.Error())
	}
}

// RegisterTypes adds the task classes among the types of the given pointers, such
// as (*MyAppTask)(nil), and leaves out the others. It is for generated programs,
// which know the types of a package but not their methods. A type that cannot be
// a class, or whose method Run is not that of a task, is an error of NewProcessor
// and Main.
func RegisterTypes(r *Registry, pointers ...any) {
	for _, p := range pointers {
		t := reflect.TypeOf(p).Elem()
		var err error
		if _, ok := p.(Runner); ok {
			err = r.add(t, func() Runner { return reflect.New(t).Interface().(Runner) })
		} else if m, has := reflect.TypeOf(p).MethodByName("Run"); has {
			err = fmt.Errorf("the method Run of %s is %s; that of a task is Run(ctx context.Context, t *lgtask.TaskContext) error", t, m.Type)
		}
		r.mu.Lock()
		r.unusable = errors.Join(r.unusable, err)
		r.mu.Unlock()
	}
}

func (r *Registry) add(t reflect.Type, newRunner func() Runner) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("%s is no struct", t)
	}
	if _, err := kwargs.Fields(t); err != nil {
		return err
	}
	sample := newRunner()
	c := &class{name: classOf(sample), make: newRunner}
	if err := tasks.CheckClass(c.name); err != nil {
		return err
	}
	_, c.singleton = sample.(interface{ singleton() })
	_, c.named = sample.(Namer)
	if o, ok := sample.(Optioned); ok {
		c.options = o.Options()
	}
	if err := tasks.CheckPriority(c.options.Priority); err != nil {
		return err
	}
	if c.options.MaxAttempts < 0 || c.options.Timeout < 0 {
		return fmt.Errorf("class %s: MaxAttempts and Timeout must not be negative", c.name)
	}
	return r.put(c)
}

// put adds a class.
func (r *Registry) put(c *class) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.classes[c.name]; taken {
		return fmt.Errorf("class %s is registered twice", c.name)
	}
	r.classes[c.name] = c
	return nil
}

// Classes returns the names of the registered classes, sorted.
func (r *Registry) Classes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.classes))
	for n := range r.classes {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// problem returns what RegisterTypes found wrong.
func (r *Registry) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unusable
}

func (r *Registry) class(name string) *class {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.classes[name]
}

// classOf returns the class name of a task value.
func classOf(v any) string {
	if c, ok := v.(Classer); ok {
		return c.TaskClass()
	}
	t := reflect.TypeOf(v)
	if t == nil {
		return "" // refused by name, like any other class that is none
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
