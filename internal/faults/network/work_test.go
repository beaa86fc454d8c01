//go:build faults && linux

package network

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/lgtask/lgtask"
)

// Work is the class of all tasks. Its run says so, leaves an effect that carries the
// claim's token, and takes a while. On a worker that holds, a run with Hold goes on,
// whatever becomes of its context, until the worker is told to return.
type Work struct {
	N     int
	Hold  bool
	Takes int64 // milliseconds
	Blob  string
}

// effect is what a run leaves in the collection "effects".
type effect struct {
	ID    bson.ObjectID `bson:"_id"`
	Task  lgtask.TaskID `bson:"task"`
	Token bson.ObjectID `bson:"token"`
	By    string        `bson:"by"`
}

// Run implements lgtask.Runner.
func (w *Work) Run(ctx context.Context, t *lgtask.TaskContext) error {
	me.tell(event{What: "begins", Task: t.ID().String(), N: w.N})
	if err := leaveEffect(ctx, t); err != nil {
		me.tell(event{What: "ends", Task: t.ID().String(), N: w.N, Text: fmt.Sprint(err)})
		return err
	}
	me.tell(event{What: "runs", Task: t.ID().String(), N: w.N})
	if w.Hold && me.Holds {
		<-ctx.Done()
		me.tell(event{What: "fenced", Task: t.ID().String(), N: w.N, Text: fmt.Sprint(context.Cause(ctx))})
		<-me.returns
		me.tell(event{What: "returns", Task: t.ID().String(), N: w.N})
		return nil
	}
	err := wait(ctx, time.Duration(w.Takes)*time.Millisecond)
	me.tell(event{What: "ends", Task: t.ID().String(), N: w.N, Text: fmt.Sprint(err)})
	return err
}

// leaveEffect reads the token of the claim and writes the effect, once for each run,
// whatever becomes of the connection.
func leaveEffect(ctx context.Context, t *lgtask.TaskContext) error {
	db := t.Connection().Database()
	effects := db.Collection("effects", options.Collection().SetWriteConcern(writeconcern.Majority()))
	e := effect{ID: bson.NewObjectID(), Task: t.ID(), By: t.Processor()}
	for {
		var doc struct {
			Claim struct {
				Token bson.ObjectID `bson:"token"`
			} `bson:"claim"`
		}
		err := db.Collection("tasks").FindOne(ctx, bson.D{{Key: "_id", Value: t.ID()}}).Decode(&doc)
		if err == nil {
			if e.Token != doc.Claim.Token {
				e.Token = doc.Claim.Token
				me.tell(event{What: "claim", Task: t.ID().String(), Text: e.Token.Hex()})
			}
			_, err = effects.InsertOne(ctx, e)
		}
		if err == nil || mongo.IsDuplicateKeyError(err) {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait waits for d, or returns the cause of ctx's end.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return ctx.Err()
	}
}
