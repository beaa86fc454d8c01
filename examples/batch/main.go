// Batch shows how many requests become few runs. Each of 100 changed documents
// asks for the index of its shop to be rebuilt; a shop has one run waiting and one
// going at most.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/batch
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lgtask/lgtask"
)

// done gets the shop of each run.
var done = make(chan string, 100)

// Rebuild rebuilds the index of one shop.
type Rebuild struct{ Shop string }

// TaskName makes the shop part of the name: one batch for each.
func (r *Rebuild) TaskName() string { return r.Shop }

// Run implements lgtask.Runner.
func (r *Rebuild) Run(ctx context.Context, t *lgtask.TaskContext) error {
	done <- r.Shop
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Rebuild](reg)
	conn, err := lgtask.Connect(ctx, "") // LGTASK_DATABASE
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	p, err := lgtask.NewProcessor(lgtask.Config{}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	created := 0
	for i := range 100 {
		shop := []string{"north", "south"}[i%2]
		res, err := lgtask.Batch(ctx, conn, lgtask.Text("1 day"), &Rebuild{Shop: shop})
		if err != nil {
			return err
		}
		if res.Created {
			created++
		}
	}
	fmt.Printf("100 requests made %d tasks\n", created)

	// The name has a run that waits, with other kwargs: this cannot be the same
	// batch.
	_, err = conn.BatchTask(ctx, lgtask.Now(), "Rebuild", map[string]any{"shop": "west"}, lgtask.WithTaskName("north"))
	fmt.Println("other kwargs under the same name are refused:", errors.Is(err, lgtask.ErrTaskKwargs))

	// An earlier time moves the waiting run up.
	for _, shop := range []string{"north", "south"} {
		if _, err := lgtask.Batch(ctx, conn, lgtask.In(100*time.Millisecond), &Rebuild{Shop: shop}); err != nil {
			return err
		}
		fmt.Println("rebuilt", <-done)
	}
	return p.Drain(ctx)
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
