// Quickstart is the shortest complete program: a task class, a processor, a task.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/quickstart
//
// The processor runs until there is nothing left to do.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lgtask/lgtask"
)

// Greet is the class "Greet"; its kwarg is "name".
type Greet struct{ Name string }

// Run does the work of one task.
func (g *Greet) Run(ctx context.Context, t *lgtask.TaskContext) error {
	fmt.Println("hello,", g.Name)
	t.Logf("greeted %s", g.Name)
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Greet](reg)
	cfg, err := lgtask.ConfigFromEnv() // LGTASK_DATABASE and others
	if err != nil {
		return err
	}
	p, err := lgtask.NewProcessor(cfg, reg)
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if _, err := lgtask.Create(ctx, p.Connection(), &Greet{Name: "world"}); err != nil {
		return err
	}
	return p.Drain(ctx) // or p.Stop(ctx) when the program is told to end
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
