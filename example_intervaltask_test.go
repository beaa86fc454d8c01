package lgtask_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask"
)

// Every program of a service may schedule at its start what the service needs:
// the first one makes the schedule, the others find it. Who wants another
// definition has to say so.
func ExampleConnection_IntervalTask() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	for range 2 {
		res, err := conn.IntervalTask(ctx, lgtask.In(5*time.Minute), "CollectFeeds", nil)
		fmt.Println(res.Created, err)
	}
	_, err = conn.IntervalTask(ctx, lgtask.Text("1 hour"), "CollectFeeds", nil)
	fmt.Println(errors.Is(err, lgtask.ErrTaskExists))
	res, err := conn.IntervalTask(ctx, lgtask.Text("1 hour"), "CollectFeeds", nil, lgtask.Replace())
	fmt.Println(res.Created, err)
	_, err = conn.UnscheduleTask(ctx, "CollectFeeds")
	fmt.Println(err)
	// Output:
	// true <nil>
	// false <nil>
	// true
	// true <nil>
	// <nil>
}
