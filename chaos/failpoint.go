//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// failures are what a fail point makes of a command: nothing is carried out in the
// first cases, in the last the command is, and its reply says that this is not certain.
var failures = []bson.D{
	{{Key: "closeConnection", Value: true}},
	{{Key: "errorCode", Value: 91}}, // ShutdownInProgress
	{{Key: "errorCode", Value: 11600}},
	{{Key: "errorCode", Value: 10107}}, // NotWritablePrimary
	{{Key: "errorCode", Value: 50}},    // MaxTimeMSExpired
	{{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 91}, {Key: "errmsg", Value: "told to"}}}},
	{{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "told to"}}}},
}

// failing are the commands that fail together.
var failing = []bson.A{
	{"insert"}, {"update"}, {"find", "aggregate"}, {"getMore"}, {"insert", "update", "find", "aggregate", "getMore", "delete"},
}

// failPoint makes commands fail on the primary: some of them, or all for a few seconds.
func (w *world) failPoint(ctx context.Context, r *rand.Rand) error {
	data := append(bson.D{{Key: "failCommands", Value: failing[r.IntN(len(failing))]}}, failures[r.IntN(len(failures))]...)
	var mode any = "alwaysOn"
	if r.IntN(2) == 0 {
		mode = bson.D{{Key: "times", Value: 1 + r.IntN(20)}}
	}
	d := time.Duration(500+r.IntN(4000)) * time.Millisecond
	n, err := w.server.Primary(ctx)
	if err != nil {
		return err
	}
	if err := w.setFailPoint(ctx, n, mode, data); err != nil {
		return err
	}
	_ = wait(ctx, d)
	return w.setFailPoint(ctx, n, "off", nil)
}

// setFailPoint sets it on one member.
func (w *world) setFailPoint(ctx context.Context, member int, mode any, data bson.D) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := mongo.Connect(options.Client().SetHosts([]string{w.server.Address(member)}).SetDirect(true))
	if err != nil {
		return err
	}
	defer func() { _ = c.Disconnect(ctx) }()
	command := bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}}
	if data != nil {
		command = append(command, bson.E{Key: "data", Value: data})
	}
	if err := c.Database("admin").RunCommand(ctx, command).Err(); err != nil {
		return fmt.Errorf("the fail point of member %d: %w", member, err)
	}
	return nil
}
