// Drain shows a processor that works off what there is and then ends, as a batch
// job or a test would. Tasks that tasks create are part of it; tasks that are due
// later are not.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/drain
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/lgtask/lgtask"
)

// leaves counts the tasks at the end of the tree.
var leaves atomic.Int32

// Node is a task that makes two tasks of its class, down to depth 0.
type Node struct{ Depth int }

// Run implements lgtask.Runner.
func (n *Node) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if n.Depth == 0 {
		leaves.Add(1)
		return nil
	}
	for range 2 {
		if _, err := lgtask.Create(ctx, t.Connection(), &Node{Depth: n.Depth - 1}); err != nil {
			return err
		}
	}
	return nil
}

// Slow ends when it is told to.
type Slow struct{}

// Run implements lgtask.Runner.
func (*Slow) Run(ctx context.Context, t *lgtask.TaskContext) error {
	<-t.Stopping() // closed when the processor begins to stop
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Node](reg)
	lgtask.Register[Slow](reg)
	conn, err := lgtask.Connect(ctx, "") // LGTASK_DATABASE
	if err != nil {
		return err
	}
	defer conn.Close(ctx)

	// The tasks may be there before the processor is.
	if _, err := lgtask.Create(ctx, conn, &Node{Depth: 4}); err != nil {
		return err
	}
	later, err := lgtask.Batch(ctx, conn, lgtask.Text("1 week"), &Node{Depth: 4})
	if err != nil {
		return err
	}
	p, err := lgtask.NewProcessor(lgtask.Config{Processors: 4}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := p.Drain(ctx); err != nil {
		return err
	}
	fmt.Println("drained:", leaves.Load(), "leaves")
	task, err := conn.Task(ctx, later.ID)
	if err != nil {
		return err
	}
	fmt.Println("next week's task is still in state", task.State)
	if _, err := conn.UnscheduleTask(ctx, "Node"); err != nil {
		return err
	}
	return bounded(ctx, conn, reg)
}

// bounded shows a drain that has no time to wait for a slow task.
func bounded(ctx context.Context, conn *lgtask.Connection, reg *lgtask.Registry) error {
	p, err := lgtask.NewProcessor(lgtask.Config{}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if _, err := lgtask.Create(ctx, conn, &Slow{}); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	err = p.Drain(short)
	fmt.Println("out of time:", errors.Is(err, lgtask.ErrNotDrained))
	// The processor goes on until it is stopped; running tasks get 8 s to end.
	return p.Stop(ctx)
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
