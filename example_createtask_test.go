package lgtask_test

import (
	"context"
	"fmt"

	"github.com/lgtask/lgtask"
)

// A program that only enqueues needs no registry: it names the class. An ID of
// its own makes a call safe to repeat when its outcome is unknown.
func ExampleConnection_CreateTask() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	id := lgtask.NewTaskID()
	for range 2 {
		res, err := conn.CreateTask(ctx, "SendInvoice", map[string]any{"customerId": "c-17"},
			lgtask.WithID(id), lgtask.WithPriority(10))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("created:", res.Created)
	}
	task, err := conn.Task(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.TaskClass, task.State, task.Priority, task.Kwargs)
	// Output:
	// created: true
	// created: false
	// SendInvoice request 10 {"customerId": "c-17"}
}
