// Package tasks is a folder of tasks to run and to change:
//
//	lgtaskprocessor dev examples/tasks
//
// Each exported type here with a method Run is a task class. The scripts beside
// this file are classes too, each named like its file. README.md tells more.
package tasks

import (
	"cmp"
	"context"

	"github.com/lgtask/lgtask"
)

// Hello is the class "Hello"; its kwarg is "name".
type Hello struct{ Name string }

// Run greets once. An error from here would end the attempt.
func (h *Hello) Run(_ context.Context, t *lgtask.TaskContext) error {
	t.Logf("hello, %s", cmp.Or(h.Name, "world"))
	return nil
}
