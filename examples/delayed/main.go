// Delayed shows tasks that run later: after a time, at a time, in the words of a
// user. They are due by the server's clock and start within milliseconds of it.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/delayed
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/lgtask/lgtask"
)

// done gets the text of each reminder. Tasks run in this process, so this is a
// way to wait for them.
var done = make(chan string, 10)

// Remind is a reminder.
type Remind struct{ Text string }

// Run implements lgtask.Runner.
func (r *Remind) Run(ctx context.Context, t *lgtask.TaskContext) error {
	late := time.Since(t.Due()).Round(time.Millisecond)
	t.Logf("%v late", late)
	done <- r.Text
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Remind](reg)
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
	// In this order, which is not that in which they are due.
	if _, err := lgtask.Delayed(ctx, conn, lgtask.Text("1.5 seconds"), &Remind{Text: "third, in words"}); err != nil {
		return err
	}
	if _, err := lgtask.Delayed(ctx, conn, lgtask.At(time.Now().Add(time.Second)), &Remind{Text: "second, at a time"}); err != nil {
		return err
	}
	if _, err := conn.DelayedTask(ctx, lgtask.In(500*time.Millisecond), "Remind", map[string]any{"text": "first, after a time"}); err != nil {
		return err
	}
	if _, err := lgtask.Delayed(ctx, conn, lgtask.Text("5 minutes ago"), &Remind{Text: "at once, since the time is past"}); err != nil {
		return err
	}
	for range 4 {
		fmt.Println(<-done)
	}
	return p.Drain(ctx)
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
