//go:build faults && unix

package crash

import (
	"context"
	"io"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// worker is a program of processors as users write it, configured by the
// environment. It ends with the test.
func worker() int {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 { // of a launcher's worker it is none
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // until the test is gone
			os.Exit(9)
		}()
	}
	reg := lgtask.NewRegistry()
	lgtask.Register[Work](reg)
	lgtask.Register[Sabotage](reg)
	lgtask.Register[Spin](reg)
	if at := os.Getenv(suicideEnv); at != "" {
		return dieAt(reg, at)
	}
	return lgtask.MainWith(reg, lgtask.MainOptions{})
}

// Work is a task that takes a while.
type Work struct {
	Takes int64 // milliseconds
	Log   bool  // it logs a line when it ends
	Late  bool  // it returns nil though its context has ended
	Deaf  bool  // it does not heed its context
}

// Run implements lgtask.Runner.
func (k *Work) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return record(ctx, t, func() error {
		working := ctx
		if k.Deaf {
			working = context.WithoutCancel(ctx)
		}
		err := wait(working, time.Duration(k.Takes)*time.Millisecond)
		if k.Log {
			t.Log("the end: ", err)
		}
		if k.Late {
			return nil
		}
		return err
	})
}

// effect is what a run of a handler leaves. There is one for each claim at most: its
// key tells of a second.
type effect struct {
	ID     effectID      `bson:"_id"`
	Holder string        `bson:"holder"` // epoch of the process, as the task says
	PID    int           `bson:"pid"`    // of the process itself
	From   bson.DateTime `bson:"from"`
	Till   bson.DateTime `bson:"till"` // of the context or the run, 0 if it did not get so far
	Cause  string        `bson:"cause"`
}

type effectID struct {
	Task  lgtask.TaskID `bson:"task"`
	Token bson.ObjectID `bson:"token"`
}

func effects(db *mongo.Database) *mongo.Collection { return db.Collection("effects") }

func now() bson.DateTime { return bson.NewDateTimeFromTime(time.Now()) }

// record writes the effect of a run: at its start, and at the end of its context or
// its work.
func record(ctx context.Context, t *lgtask.TaskContext, work func() error) error {
	e := effect{PID: os.Getpid(), From: now()}
	db := t.Connection().Database()
	var task struct {
		Holder string `bson:"holder"`
		Claim  struct {
			Token bson.ObjectID `bson:"token"`
		} `bson:"claim"`
	}
	if err := db.Collection("tasks").FindOne(ctx, bson.D{{Key: "_id", Value: t.ID()}}).Decode(&task); err != nil {
		return err
	}
	e.ID, e.Holder = effectID{t.ID(), task.Claim.Token}, task.Holder
	if _, err := effects(db).InsertOne(ctx, e); err != nil {
		return err
	}
	failed := work()
	e.Till, e.Cause = now(), ""
	if cause := context.Cause(ctx); cause != nil {
		e.Cause = cause.Error()
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := effects(db).ReplaceOne(writing, bson.D{{Key: "_id", Value: e.ID}}, e)
	if err != nil {
		return err
	}
	return failed
}
