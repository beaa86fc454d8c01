// Ownprocessor is a processor program of your own, for production: its tasks are
// compiled in, and lgtask.Main does the rest: configuration, logging, signals.
//
//	go build -o /tmp/ownprocessor ./examples/ownprocessor
//	/tmp/ownprocessor examples/ownprocessor/myAppProcessor.cfg 2
//
// runs two processors, hostname-1 and hostname-2, until SIGTERM or Ctrl-C.
// LGTASK_DATABASE, if set, comes before the file's taskDatabase. Without arguments
// everything comes from LGTASK_… variables.
package main

import (
	"context"
	"os"

	"github.com/lgtask/lgtask"
)

// Greet is the class "Greet"; its kwarg is "name".
type Greet struct{ Name string }

// Run does the work of one task.
func (g *Greet) Run(ctx context.Context, t *lgtask.TaskContext) error {
	t.Logf("hello, %s", g.Name)
	return nil
}

func main() {
	reg := lgtask.NewRegistry()
	lgtask.Register[Greet](reg)
	os.Exit(lgtask.Main(reg))
}
