// Interval shows recurring tasks: one every second, one by a cron spec. A
// schedule is stored in the database, so it outlives the program that made it;
// making it again changes nothing, and making it otherwise is refused.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/interval
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lgtask/lgtask"
)

// ticks gets the number of each run.
var ticks = make(chan struct{}, 100)

// Tick runs every second.
type Tick struct{}

// Run implements lgtask.Runner.
func (*Tick) Run(ctx context.Context, t *lgtask.TaskContext) error {
	ticks <- struct{}{}
	return nil
}

// Nightly runs at night.
type Nightly struct{ Keep time.Duration }

// Run implements lgtask.Runner.
func (n *Nightly) Run(ctx context.Context, t *lgtask.TaskContext) error {
	t.Logf("removing what is older than %v", n.Keep)
	return nil
}

func run(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Tick](reg)
	lgtask.Register[Nightly](reg)
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
	if err := schedule(ctx, conn); err != nil {
		return err
	}
	for n := range 3 {
		<-ticks
		fmt.Println("tick", n+1)
	}
	// The first run was at once; two more took two seconds.
	for _, class := range []string{"Tick", "Nightly"} {
		if _, err := conn.UnscheduleTask(ctx, class); err != nil {
			return err
		}
	}
	left, err := conn.Schedules(ctx)
	if err != nil {
		return err
	}
	fmt.Println(len(left), "schedules are left")
	return p.Drain(ctx)
}

func schedule(ctx context.Context, conn *lgtask.Connection) error {
	if _, err := lgtask.Interval(ctx, conn, lgtask.Text("1 second"), &Tick{}); err != nil {
		return err
	}
	again, err := lgtask.Interval(ctx, conn, lgtask.In(time.Second), &Tick{})
	if err != nil {
		return err
	}
	fmt.Println("scheduled a second time:", again.Created)
	_, err = lgtask.Interval(ctx, conn, lgtask.Text("1 hour"), &Tick{})
	fmt.Println("another period is refused:", errors.Is(err, lgtask.ErrTaskExists))

	// Half past two in Berlin, also in the nights when the clocks change.
	res, err := lgtask.Cron(ctx, conn, "CRON_TZ=Europe/Berlin 30 2 * * *", &Nightly{Keep: 24 * time.Hour})
	if err != nil {
		return err
	}
	next, err := conn.Task(ctx, res.ID)
	if err != nil {
		return err
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	fmt.Println("the nightly task waits for", next.TsRequest.In(berlin).Format("15:04 in Berlin"))
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
