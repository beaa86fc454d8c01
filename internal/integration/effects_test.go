package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// effect is the record of one run. Times are nanoseconds since 1970: all
// processes are on one machine, so they can be compared.
type effect struct {
	Token     bson.ObjectID `bson:"_id"` // new for each run
	Task      lgtask.TaskID `bson:"task"`
	Class     string        `bson:"class"`
	Name      string        `bson:"name"`
	Processor string        `bson:"processor"`
	N         int           `bson:"n"`
	Value     int64         `bson:"value"`
	Due       time.Time     `bson:"due"`
	Sent      int64         `bson:"sent"`
	Start     int64         `bson:"start"`
	End       int64         `bson:"end"` // 0 if the run did not come to its end
}

func effects(db *mongo.Database) *mongo.Collection { return db.Collection("effects") }

// record writes an effect at the start and at the end of a run.
func record(ctx context.Context, t *lgtask.TaskContext, e effect, work func(*effect) error) error {
	e.Start = time.Now().UnixNano()
	e.Token, e.Task, e.Due = bson.NewObjectID(), t.ID(), t.Due()
	e.Class, e.Name, e.Processor = t.TaskClass(), t.TaskName(), t.Processor()
	coll := effects(t.Connection().Database())
	if _, err := coll.InsertOne(ctx, e); err != nil {
		return fmt.Errorf("recording the start: %w", err)
	}
	if err := work(&e); err != nil {
		return err
	}
	set := bson.D{{Key: "value", Value: e.Value}, {Key: "end", Value: time.Now().UnixNano()}}
	if _, err := coll.UpdateByID(ctx, e.Token, bson.D{{Key: "$set", Value: set}}); err != nil {
		return fmt.Errorf("recording the end: %w", err)
	}
	return nil
}

// runs returns all effects, in the order of their starts.
func runs(t testing.TB, db *mongo.Database) []effect {
	t.Helper()
	cur, err := effects(db).Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "start", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var es []effect
	if err := cur.All(t.Context(), &es); err != nil {
		t.Fatal(err)
	}
	return es
}

// checkRuns reports runs that did not end, second runs of a task and runs before
// their time, and returns the run of each task.
func checkRuns(t testing.TB, es []effect) map[lgtask.TaskID]effect {
	t.Helper()
	byTask := make(map[lgtask.TaskID]effect, len(es))
	for _, e := range es {
		if first, twice := byTask[e.Task]; twice {
			t.Errorf("task %s ran twice: %+v and %+v", e.Task, first, e)
		}
		if e.End == 0 {
			t.Errorf("a run did not end: %+v", e)
		}
		if e.Start < e.Due.UnixNano() {
			t.Errorf("%v too early: %+v", time.Duration(e.Due.UnixNano()-e.Start), e)
		}
		byTask[e.Task] = e
	}
	return byTask
}

// checkApart reports runs of a name that were going at the same time.
func checkApart(t testing.TB, es []effect) {
	t.Helper()
	last := map[string]effect{}
	for _, e := range es {
		key := e.Class + "/" + e.Name
		if before, ok := last[key]; ok && e.Start < before.End {
			t.Errorf("two runs of %s at a time: %+v and %+v", key, before, e)
		}
		last[key] = e
	}
}

// checkAll wants exactly the given tasks to have run, each once.
func checkAll(t testing.TB, db *mongo.Database, ids []lgtask.TaskID) map[lgtask.TaskID]effect {
	t.Helper()
	byTask := checkRuns(t, runs(t, db))
	for _, id := range ids {
		if _, ok := byTask[id]; !ok {
			t.Errorf("task %s did not run", id)
		}
	}
	if len(byTask) != len(ids) {
		t.Errorf("%d tasks ran, want %d", len(byTask), len(ids))
	}
	return byTask
}

// checkLateness logs how long after their due times the runs started, and wants
// it to be at most so long.
func checkLateness(t testing.TB, what string, es []effect, most time.Duration) {
	t.Helper()
	late := make([]time.Duration, 0, len(es))
	for _, e := range es {
		late = append(late, time.Duration(e.Start-e.Due.UnixNano()))
		if late[len(late)-1] > most {
			t.Errorf("%s: more than %v late: %+v", what, most, e)
		}
	}
	logPercentiles(t, what, late)
}

func logPercentiles(t testing.TB, what string, ds []time.Duration) {
	t.Helper()
	if len(ds) == 0 {
		t.Logf("%s: none", what)
		return
	}
	slices.Sort(ds)
	at := func(p int) time.Duration { return ds[(len(ds)-1)*p/100].Round(100 * time.Microsecond) }
	t.Logf("%s: %d runs, late p50 %v, p90 %v, p99 %v, max %v", what, len(ds), at(50), at(90), at(99), at(100))
}
