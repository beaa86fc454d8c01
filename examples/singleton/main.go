// Singleton shows classes of which one run may be going at a time: by class, by
// database, and as a loop that stays.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/singleton
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/lgtask/lgtask"
)

// started gets the database of each Compact that runs; release lets one end.
var (
	started = make(chan string)
	release = make(chan struct{})
)

// Compact is a singleton for each database: its name follows from its kwargs.
type Compact struct {
	lgtask.SingletonTask
	Database string
}

// TaskName is the identity of the singleton.
func (c *Compact) TaskName() string { return c.Database }

// Run implements lgtask.Runner.
func (c *Compact) Run(ctx context.Context, t *lgtask.TaskContext) error {
	started <- c.Database
	<-release
	return nil
}

// Poll is a task that loops: Run is called again and again within one task, until
// the time is over or the processor stops. As a singleton too, there is one.
type Poll struct {
	lgtask.SingletonTask
	lgtask.LoopingTask
	rounds int // lower case: no kwarg, but kept between the rounds
}

// LoopSleep is the time between two rounds.
func (*Poll) LoopSleep() time.Duration { return 20 * time.Millisecond }

// LoopFor is how long the loop goes on.
func (*Poll) LoopFor() time.Duration { return 500 * time.Millisecond }

// Run is one round.
func (p *Poll) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if p.rounds++; p.rounds == 3 {
		fmt.Println("three rounds in one task")
	}
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Compact](reg)
	lgtask.Register[Poll](reg)
	conn, err := lgtask.Connect(ctx, "") // LGTASK_DATABASE
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	p, err := lgtask.NewProcessor(lgtask.Config{Processors: 3}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	for _, database := range []string{"sales", "stock"} {
		if _, err := lgtask.Create(ctx, conn, &Compact{Database: database}); err != nil {
			return err
		}
		fmt.Println("compacting", <-started)
	}
	second, err := lgtask.Create(ctx, conn, &Compact{Database: "sales"})
	if err != nil {
		return err
	}
	task, err := ended(ctx, conn, second.ID)
	if err != nil {
		return err
	}
	fmt.Printf("another one for sales: %s, %s\n", task.State, task.LastLog)
	close(release)
	if _, err := lgtask.Create(ctx, conn, &Poll{}); err != nil {
		return err
	}
	return p.Drain(ctx)
}

// ended waits until a task is over.
func ended(ctx context.Context, conn *lgtask.Connection, id lgtask.TaskID) (lgtask.Task, error) {
	for {
		task, err := conn.Task(ctx, id)
		if err != nil || task.State.Final() {
			return task, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
