// Transaction shows enqueueing inside the caller's transaction: the task exists if
// and only if the order does, since both are in one database. No outbox is needed.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/transaction
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/lgtask/lgtask"
)

// Ship ships an order.
type Ship struct{ Order string }

// Run implements lgtask.Runner.
func (s *Ship) Run(ctx context.Context, t *lgtask.TaskContext) error {
	fmt.Println("shipping the order of", s.Order)
	return nil
}

// errNoStock ends a transaction.
var errNoStock = errors.New("not in stock")

// order stores an order and the task to ship it, both or none.
func order(ctx context.Context, conn *lgtask.Connection, what string, inStock bool) error {
	db := conn.Database()
	session, err := db.Client().StartSession()
	if err != nil {
		return err
	}
	defer session.EndSession(ctx)
	_, err = session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		if _, err := db.Collection("orders").InsertOne(ctx, bson.D{{Key: "what", Value: what}}); err != nil {
			return nil, err
		}
		// ctx is that of the transaction: this is all it takes.
		if _, err := lgtask.Create(ctx, conn, &Ship{Order: what}); err != nil {
			return nil, err
		}
		if !inStock {
			return nil, errNoStock
		}
		return nil, nil
	})
	return err
}

func run(ctx context.Context) error {
	conn, disconnect, err := connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	reg := lgtask.NewRegistry()
	lgtask.Register[Ship](reg)
	p, err := lgtask.NewProcessor(lgtask.Config{}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	fmt.Println("ordering coffee:", order(ctx, conn, "coffee", false)) // no order, no task
	if err := order(ctx, conn, "tea", true); err != nil {
		return err
	}
	if err := p.Drain(ctx); err != nil {
		return err
	}
	n, err := conn.CountTasks(ctx, lgtask.TaskFilter{TaskClass: "Ship", States: []lgtask.State{lgtask.StateRequest}})
	fmt.Println(n, "orders are left to ship")
	return err
}

// connect makes a connection on a client of the program's own.
func connect(ctx context.Context) (conn *lgtask.Connection, disconnect func(), err error) {
	uri, err := connstring.ParseAndValidate(os.Getenv("LGTASK_DATABASE"))
	if err != nil {
		return nil, nil, err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri.Original))
	if err != nil {
		return nil, nil, err
	}
	disconnect = func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }
	name := uri.Database
	if name == "" {
		name = lgtask.DefaultDatabase
	}
	conn, err = lgtask.New(client.Database(name))
	if err != nil {
		disconnect()
	}
	return conn, disconnect, err
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
