package raw

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/tasks"
)

// Follower is the least that takes tasks as they come: a change stream, and a
// conditional update by _id for each event.
type Follower struct {
	c  *mongo.Collection
	cs *mongo.ChangeStream
	b  *board.Board
}

// Follow opens the stream. Tasks inserted from then on are seen.
func Follow(ctx context.Context, c *mongo.Collection, b *board.Board) (*Follower, error) {
	cs, err := c.Watch(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "operationType", Value: "insert"}}}},
		{{Key: "$project", Value: bson.D{{Key: "documentKey", Value: 1}, {Key: "fullDocument", Value: 1}}}},
	}, options.ChangeStream().SetMaxAwaitTime(tasks.StreamWait))
	if err != nil {
		return nil, err
	}
	return &Follower{c, cs, b}, nil
}

// Run takes tasks until ctx ends: it notes when each event arrived and, as the
// start of the task, when its claim was acknowledged. Then it finishes the task.
// The end of ctx is no error.
func (f *Follower) Run(ctx context.Context) error {
	err := f.follow(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, f.cs.Close(closing))
}

func (f *Follower) follow(ctx context.Context) error {
	for f.cs.Next(ctx) {
		n := int(f.cs.Current.Lookup("fullDocument", "kwargs", "n").AsInt64())
		if n < 0 || n >= f.b.Len() {
			return fmt.Errorf("an event of task %d; there are %d", n, f.b.Len())
		}
		f.b.See(n)
		id := f.cs.Current.Lookup("documentKey", "_id")
		id.Value = slices.Clone(id.Value) // the cursor's buffer is used again
		if err := Claim(ctx, f.c, id); err != nil {
			return err
		}
		f.b.Start(int64(n))
		if err := Finish(ctx, f.c, id); err != nil {
			return err
		}
	}
	return f.cs.Err()
}
