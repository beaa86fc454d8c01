package lgtask_test

import (
	"context"
	"fmt"

	"github.com/lgtask/lgtask"
)

// A task on the first day of each month, at six in the morning in Vienna.
func ExampleConnection_CronTask() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	res, err := conn.CronTask(ctx, "CRON_TZ=Europe/Vienna 0 6 1 * *", "SendInvoices", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := conn.Task(ctx, res.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	schedules, err := conn.Schedules(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("next run on day", next.TsRequest.Day())
	fmt.Println(schedules[0].TaskClass, schedules[0].Spec.Cron, schedules[0].Spec.TZ)
	// Output:
	// next run on day 1
	// SendInvoices 0 6 1 * * Europe/Vienna
}
