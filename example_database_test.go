package lgtask_test

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// exampleDatabase returns the address of a new database on the test server,
// mongodb://host/database, and the function that drops it. It panics where there
// is no server: an example has nobody to tell.
func exampleDatabase() (address string, drop func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	ctx := context.Background()
	server, err := mongod.ForTests(ctx)
	must(err)
	u, err := mongouri.Parse(server)
	must(err)
	u, err = u.WithDatabase("lgtask_example_" + bson.NewObjectID().Hex())
	must(err)
	return u.Driver(), func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		client, err := mongo.Connect(options.Client().ApplyURI(u.Driver()))
		must(err)
		must(client.Database(u.Database()).Drop(ctx))
		must(client.Disconnect(ctx))
	}
}
