// Magic shows kwargs that are MongoDB handles. In the task document stands an
// address without credentials, mongodb://host/database/collection; the handler
// gets a collection, a database or a client that works.
//
// Addresses may name the task database's own servers and those that
// LGTASK_MONGO_HOSTS lists.
//
//	LGTASK_DATABASE=mongodb://localhost/mytasks go run ./examples/magic
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// Copy has one handle of each kind, and one whose kind the address decides.
type Copy struct {
	From    *mongo.Collection // mongodb://host/db/collection
	Into    *mongo.Database   // mongodb://host/db
	Server  *mongo.Client     // mongodb://host/
	Any     any               // any of the three
	Address string            // stays a text
}

// Run copies the documents of From into a collection of the same name.
func (c *Copy) Run(ctx context.Context, t *lgtask.TaskContext) error {
	cur, err := c.From.Find(ctx, bson.D{})
	if err != nil {
		return err
	}
	var docs []bson.Raw
	if err := cur.All(ctx, &docs); err != nil {
		return err
	}
	if _, err := c.Into.Collection("copies").InsertMany(ctx, docs); err != nil {
		return err
	}
	fmt.Printf("copied %d documents of %s\n", len(docs), c.From.Name())
	fmt.Printf("the field of type any got a %T\n", c.Any)
	fmt.Printf("the text begins with %s\n", strings.SplitAfter(c.Address, "//")[0])
	return c.Server.Ping(ctx, nil)
}

func run(ctx context.Context) error {
	// A client of the program's own, as it would have one anyway.
	uri := os.Getenv("LGTASK_DATABASE")
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	defer client.Disconnect(ctx)
	conn, err := lgtask.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// Handles of lgtask's own client are known; a client made elsewhere does not
	// tell its address.
	if err := conn.Bind(client, uri); err != nil {
		return err
	}
	reg := lgtask.NewRegistry()
	lgtask.Register[Copy](reg)
	p, err := lgtask.NewProcessor(lgtask.Config{}, reg, lgtask.WithConnection(conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	db := client.Database(conn.Database().Name())
	if err := prepare(ctx, db); err != nil {
		return err
	}
	res, err := lgtask.Create(ctx, conn, &Copy{
		From: db.Collection("originals"), Into: db, Server: client, Any: db.Collection("copies"), Address: "mongodb://elsewhere/",
	})
	if err != nil {
		return err
	}
	if err := p.Drain(ctx); err != nil {
		return err
	}
	task, err := conn.Task(ctx, res.ID)
	if err != nil {
		return err
	}
	from, _, _ := strings.Cut(task.Kwargs.Lookup("from").StringValue(), "?") // options, such as replicaSet
	fmt.Println("the document has an address that ends in", from[strings.LastIndex(from, "/"):])
	return nil
}

// prepare fills one collection and empties the other.
func prepare(ctx context.Context, db *mongo.Database) error {
	for _, name := range []string{"originals", "copies"} {
		if err := db.Collection(name).Drop(ctx); err != nil {
			return err
		}
	}
	_, err := db.Collection("originals").InsertMany(ctx, []bson.D{{{Key: "n", Value: 1}}, {{Key: "n", Value: 2}}})
	return err
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
