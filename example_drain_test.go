package lgtask_test

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask"
)

// Countdown makes a task of its class for the next number.
type Countdown struct{ From int }

// Run does the work of one task.
func (c *Countdown) Run(ctx context.Context, t *lgtask.TaskContext) error {
	fmt.Println(c.From)
	if c.From == 0 {
		return nil
	}
	_, err := lgtask.Create(ctx, t.Connection(), &Countdown{From: c.From - 1})
	return err
}

// A processor that works off what there is, tasks that tasks create included,
// and then ends. The time it has for that is bounded by the context.
func ExampleProcessor_Drain() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	reg := lgtask.NewRegistry()
	lgtask.Register[Countdown](reg)
	p, err := lgtask.NewProcessor(lgtask.Config{TaskDatabase: address}, reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Stop(context.Background()) }() // does nothing after Drain
	if _, err := lgtask.Create(ctx, p.Connection(), &Countdown{From: 2}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Drain(ctx))
	// Output:
	// 2
	// 1
	// 0
	// <nil>
}
