package lgtask

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lgtask/lgtask/tasks"
)

// TaskOption is an option of a single call.
type TaskOption func(*callOptions)

type callOptions struct {
	given       []string // names of the options, for allow
	taskName    *string
	priority    *int
	maxAttempts *int
	id          tasks.ID
	startAt     *When
	fromStart   bool
	replace     bool
	reason      string
	missed      Missed
	overlap     Overlap
}

// WithTaskName gives the task a name: with the class it is the identity of
// batch, interval and cron tasks and of singletons. Default: none, the class
// alone.
func WithTaskName(name string) TaskOption {
	return option("WithTaskName", func(o *callOptions) { o.taskName = &name })
}

// WithPriority sets the priority, −100 to 100; higher runs first. Default: the
// class's own if it is known to the caller, else 0.
func WithPriority(p int) TaskOption {
	return option("WithPriority", func(o *callOptions) { o.priority = &p })
}

// WithMaxAttempts sets how many attempts may fail before the task ends as an
// error, 1 or more. Default: the class's own, else 1.
func WithMaxAttempts(n int) TaskOption {
	return option("WithMaxAttempts", func(o *callOptions) { o.maxAttempts = &n })
}

// WithID sets the task's ID, so that a call can be repeated after an unknown
// outcome: a task of that ID with the same class and kwargs is success. It is
// for CreateTask and DelayedTask; tasks with a name are safe to repeat without.
func WithID(id TaskID) TaskOption {
	return option("WithID", func(o *callOptions) { o.id = id })
}

// StartAt sets when an interval task runs first. Default: now.
func StartAt(w When) TaskOption {
	return option("StartAt", func(o *callOptions) { o.startAt = &w })
}

// FromStart makes an interval count from start to start instead of from the end
// of a run to the start of the next. Runs never overlap.
func FromStart() TaskOption {
	return option("FromStart", func(o *callOptions) { o.fromStart = true })
}

// Replace makes IntervalTask and CronTask rewrite a schedule of the same name
// that differs, instead of returning ErrTaskExists. Its waiting run is replaced
// too.
func Replace() TaskOption {
	return option("Replace", func(o *callOptions) { o.replace = true })
}

func option(name string, set func(*callOptions)) TaskOption {
	return func(o *callOptions) {
		o.given = append(o.given, name)
		set(o)
	}
}

// collect applies the options of a call. It refuses those that the call does not
// have: ignored silently, they would be a surprise.
func collect(call string, opts []TaskOption, allowed ...string) (callOptions, error) {
	var o callOptions
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	for _, name := range o.given {
		if !slices.Contains(allowed, name) {
			return o, fmt.Errorf("%w: %s has no option %s; it has %s", ErrInvalidTask, call, name, strings.Join(allowed, ", "))
		}
	}
	if o.id.IsZero() && slices.Contains(o.given, "WithID") {
		return o, fmt.Errorf("%w: WithID was given no ID; NewTaskID makes one", ErrInvalidTask)
	}
	return o, nil
}
