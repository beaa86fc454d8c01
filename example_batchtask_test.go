package lgtask_test

import (
	"context"
	"fmt"

	"github.com/lgtask/lgtask"
)

// Each change asks for the index to be rebuilt within a minute. However many
// changes come in that time, one run covers them. Each shop has a batch of its own.
func ExampleConnection_BatchTask() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	for _, shop := range []string{"north", "south", "north", "north"} {
		res, err := conn.BatchTask(ctx, lgtask.Text("1 minute"), "RebuildIndex",
			map[string]any{"shop": shop}, lgtask.WithTaskName(shop))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(shop, res.Created)
	}
	// Output:
	// north true
	// south true
	// north false
	// north false
}
