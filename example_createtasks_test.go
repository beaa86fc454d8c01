package lgtask_test

import (
	"context"
	"fmt"

	"github.com/lgtask/lgtask"
)

// Many tasks go in few commands, each with a result of its own: one that is
// refused stops no other. With IDs of their own the whole list can be given again
// when an outcome is unknown.
func ExampleConnection_CreateTasks() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	var list []lgtask.NewTask
	for n := range 10_000 {
		list = append(list, lgtask.NewTask{
			Class:   "SendInvoice",
			Kwargs:  map[string]any{"customer": n},
			When:    lgtask.Text("1 hour"),
			Options: []lgtask.TaskOption{lgtask.WithID(lgtask.NewTaskID())},
		})
	}
	list[17].Class = "Send Invoice"
	results, err := conn.CreateTasks(ctx, list)
	fmt.Println(err)
	fmt.Println(results[16].Created, results[17].Created, results[18].Created)
	// Output:
	// 1 of 10000 tasks failed; the first is number 17, counted from 0: invalid task: task field taskClass = "Send Invoice": must not contain a slash or white space
	// true false true
}
