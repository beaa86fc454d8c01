// Package tasks is a folder of tasks in Go and in shell.
package tasks

import (
	"context"

	"github.com/lgtask/lgtask"
)

// Greet greets somebody.
type Greet struct{ Name string }

// Run implements lgtask.Runner.
func (g *Greet) Run(_ context.Context, t *lgtask.TaskContext) error {
	t.Logf("hello, %s", g.Name)
	return nil
}
