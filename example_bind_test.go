package lgtask_test

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// Import reads a collection; the address mongodb://host/database/orders stands
// in the task.
type Import struct{ From *mongo.Collection }

// Run does the work of one task.
func (i *Import) Run(ctx context.Context, t *lgtask.TaskContext) error {
	n, err := i.From.EstimatedDocumentCount(ctx)
	t.Logf("%d documents", n)
	return err
}

// A client that the program made itself does not tell its address. Bind does,
// so that its collections can be kwargs. Credentials in the address stay out of
// the tasks.
func ExampleConnection_Bind() {
	ctx := context.Background()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	client, err := mongo.Connect(options.Client().ApplyURI(address))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Disconnect(ctx) }()
	conn, err := lgtask.Connect(ctx, address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()

	task := &Import{From: client.Database("shop").Collection("orders")}
	_, err = lgtask.Create(ctx, conn, task)
	fmt.Println("unbound:", errors.Is(err, lgtask.ErrUnboundHandle))
	if err := conn.Bind(client, address); err != nil {
		fmt.Println(err)
		return
	}
	res, err := lgtask.Create(ctx, conn, task)
	fmt.Println("created:", res.Created, err)
	// Output:
	// unbound: true
	// created: true <nil>
}
