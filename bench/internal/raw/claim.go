package raw

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/lgtask/lgtask/tasks"
)

// Tasks returns the collection of tasks, with the write concern of lgtask's own.
func Tasks(db *mongo.Database) *mongo.Collection {
	return db.Collection("tasks", options.Collection().SetWriteConcern(writeconcern.Majority()))
}

// claimed is the update of a claim.
func claimed(token bson.ObjectID) bson.D {
	return bson.D{
		{Key: "$set", Value: bson.D{
			{Key: "state", Value: tasks.Working}, {Key: "processor", Value: "raw-1"},
			{Key: "holder", Value: "raw"}, {Key: "claim", Value: bson.D{{Key: "token", Value: token}}},
		}},
		{Key: "$currentDate", Value: bson.D{{Key: "tsStart", Value: true}}},
	}
}

// finished is the update of a completion.
func finished() bson.D {
	return bson.D{
		{Key: "$set", Value: bson.D{
			{Key: "state", Value: tasks.Success}, {Key: "lastLog", Value: tasks.NoLog},
			{Key: "expireAt", Value: time.Now().Add(tasks.DefaultRetention.Success)},
		}},
		{Key: "$currentDate", Value: bson.D{{Key: "tsStop", Value: true}}},
		{Key: "$unset", Value: bson.D{{Key: "holder", Value: ""}}},
	}
}

// Claim claims one waiting task by its _id.
func Claim(ctx context.Context, c *mongo.Collection, id bson.RawValue) error {
	filter := bson.D{{Key: "_id", Value: id}, {Key: "state", Value: tasks.Request}}
	res, err := c.UpdateOne(ctx, filter, claimed(bson.NewObjectID()))
	if err == nil && res.MatchedCount != 1 {
		return fmt.Errorf("the task %s was not waiting", id)
	}
	return err
}

// Finish ends a claimed task by its _id.
func Finish(ctx context.Context, c *mongo.Collection, id bson.RawValue) error {
	res, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: tasks.Working}}, finished())
	if err == nil && res.MatchedCount != 1 {
		return fmt.Errorf("the task %s was not claimed", id)
	}
	return err
}

// pass claims and finishes the tasks of one batch: two commands.
func pass(ctx context.Context, c *mongo.Collection, ids []bson.RawValue) error {
	token := bson.NewObjectID()
	among := bson.E{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}
	res, err := c.UpdateMany(ctx, bson.D{among, {Key: "state", Value: tasks.Request}}, claimed(token))
	if err != nil {
		return err
	}
	if int(res.MatchedCount) != len(ids) {
		return fmt.Errorf("%d of %d tasks were waiting", res.MatchedCount, len(ids))
	}
	res, err = c.UpdateMany(ctx, bson.D{among, {Key: "claim.token", Value: token}, {Key: "state", Value: tasks.Working}}, finished())
	if err == nil && int(res.MatchedCount) != len(ids) {
		return fmt.Errorf("%d of %d tasks were claimed", res.MatchedCount, len(ids))
	}
	return err
}
