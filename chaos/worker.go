//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/lgtask/lgtask"
)

// workerEnv, if set, makes this program a worker: processors configured by the
// environment, as in production.
const workerEnv = "LGTASK_CHAOS_WORKER"

// Effect is the class of all tasks: it writes down that it ran, takes a while, and
// fails as often as it is told before it succeeds.
type Effect struct {
	Takes int64 // milliseconds
	Fails int64
}

// Run implements lgtask.Runner.
func (e *Effect) Run(ctx context.Context, t *lgtask.TaskContext) error {
	// One document for each run, whatever becomes of the connection.
	id := bson.NewObjectID()
	effects := t.Connection().Database().Collection("effects", options.Collection().SetWriteConcern(writeconcern.Majority()))
	doc := bson.D{{Key: "_id", Value: id}, {Key: "task", Value: t.ID().String()}, {Key: "attempt", Value: t.Attempt()}, {Key: "at", Value: time.Now()}, {Key: "pid", Value: os.Getpid()}}
	for {
		_, err := effects.InsertOne(ctx, doc)
		if err == nil || mongo.IsDuplicateKeyError(err) {
			break
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	if err := wait(ctx, time.Duration(e.Takes)*time.Millisecond); err != nil {
		return err
	}
	if int64(t.Attempt()) <= e.Fails {
		return lgtask.RetryAfter(100*time.Millisecond, errors.New("told to fail"))
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work runs processors until SIGTERM.
func work(ctx context.Context) error {
	reg := lgtask.NewRegistry()
	lgtask.Register[Effect](reg)
	cfg, err := lgtask.ConfigFromEnv()
	if err != nil {
		return err
	}
	log := zerolog.New(os.Stderr).Level(zerolog.WarnLevel).With().Timestamp().Str("worker", cfg.TaskName).Logger()
	p, err := lgtask.NewProcessor(cfg, reg, lgtask.WithLogger(log))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return fmt.Errorf("%s: %w", cfg.TaskName, err)
	}
	select {
	case <-ctx.Done():
	case <-p.Done():
	}
	return p.Stop(context.WithoutCancel(ctx))
}
