package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// cleanupTime bounds what is done after the work or after Ctrl-C.
const cleanupTime = 20 * time.Second

// openDatabase connects to a task database that only this run uses. done takes
// it and, if it was started here, its server away again.
func openDatabase(ctx context.Context) (conn *lgtask.Connection, where string, done func() error, err error) {
	uri, stop := os.Getenv(mongod.EnvTestDatabase), func() {}
	if uri != "" {
		where = "the server in " + mongod.EnvTestDatabase
		uri, err = mongod.ForTests(ctx)
	} else {
		where = "a MongoDB server of its own"
		uri, stop, err = startServer(ctx)
	}
	if err != nil {
		return nil, "", nil, err
	}
	conn, err = connect(ctx, uri)
	if err != nil {
		stop()
		return nil, "", nil, err
	}
	where += ", database " + conn.Database().Name()
	return conn, where, func() error {
		defer stop()
		return leave(context.WithoutCancel(ctx), conn)
	}, nil
}

func startServer(ctx context.Context) (uri string, stop func(), err error) {
	s, err := mongod.Start(ctx, mongod.Options{})
	if err != nil {
		return "", nil, err
	}
	return s.URI(), s.Stop, nil
}

// connect opens a new database on the server.
func connect(ctx context.Context, server string) (*lgtask.Connection, error) {
	u, err := mongouri.Parse(server)
	if err != nil {
		return nil, err
	}
	u, err = u.WithDatabase("lgtask_demo_" + bson.NewObjectID().Hex())
	if err != nil {
		return nil, err
	}
	return lgtask.Connect(ctx, u.Driver())
}

// leave drops the database and disconnects.
func leave(ctx context.Context, conn *lgtask.Connection) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupTime)
	defer cancel()
	err := conn.Database().Drop(ctx)
	if err != nil {
		err = fmt.Errorf("the database %s could not be dropped: %w", conn.Database().Name(), err)
	}
	// There is nothing to lose on a connection whose work is done.
	_ = conn.Close(ctx)
	return err
}
