//go:build faults && unix

package database

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// point says which commands of the workers fail, and how.
type point struct {
	commands []string
	times    int // 0: until healed
	code     int // an error before anything is done
	concern  int // of a write concern error, after everything is done
	label    *bool
	block    time.Duration // before anything is done
	tasks    bool          // only on the collection of tasks
	app      string        // default: the workers
}

// retryable is the label of errors after which the driver sends a write again.
const retryable = "RetryableWriteError"

func (p point) String() string {
	text := fmt.Sprint(p.commands)
	if p.code != 0 {
		text += fmt.Sprintf(" code %d", p.code)
	}
	if p.concern != 0 {
		text += fmt.Sprintf(" write concern code %d", p.concern)
	}
	if p.label != nil {
		text += fmt.Sprintf(" %s %v", retryable, *p.label)
	}
	return text
}

// fail sets the fail point of the primary. It lasts until heal, which returns how
// many commands it has met.
func (w *world) fail(p point) (heal func() int64) {
	w.Helper()
	data := bson.D{{Key: "failCommands", Value: p.commands}, {Key: "appName", Value: appWorker}}
	if p.app != "" {
		data[1].Value = p.app
	}
	if p.code != 0 {
		data = append(data, bson.E{Key: "errorCode", Value: p.code})
	}
	if p.concern != 0 {
		data = append(data, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: p.concern}, {Key: "errmsg", Value: "a fault"}}})
	}
	if p.label != nil {
		labels := bson.A{}
		if *p.label {
			labels = append(labels, retryable)
		}
		data = append(data, bson.E{Key: "errorLabels", Value: labels})
	}
	if p.block > 0 {
		data = append(data, bson.E{Key: "blockConnection", Value: true}, bson.E{Key: "blockTimeMS", Value: p.block.Milliseconds()})
	}
	if p.tasks {
		data = append(data, bson.E{Key: "namespace", Value: w.db.Name() + ".tasks"})
	}
	var mode any = "alwaysOn"
	if p.times > 0 {
		mode = bson.D{{Key: "times", Value: p.times}}
	}
	set := func(ctx context.Context, mode any) (met int64, err error) {
		var reply struct{ Count int64 }
		cmd := bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}, {Key: "data", Value: data}}
		err = w.db.Client().Database("admin").RunCommand(ctx, cmd).Decode(&reply)
		return reply.Count, err
	}
	was, err := set(w.within(time.Minute), mode)
	w.must(err)
	healed := false
	heal = func() int64 {
		if healed {
			return 0
		}
		healed = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.Context()), time.Minute)
		defer cancel()
		met, err := set(ctx, "off")
		if err != nil {
			w.Errorf("healing: %v", err)
		}
		return met - was
	}
	w.Cleanup(func() { heal() })
	return heal
}

// raw is the collection of tasks, for looks past lgtask.
func (w *world) raw() *mongo.Collection { return w.db.Collection("tasks") }

// inState counts the tasks that are in a state, as the primary has them.
func (w *world) inState(state string) int64 {
	w.Helper()
	n, err := w.raw().CountDocuments(w.within(time.Minute), bson.D{{Key: "state", Value: state}})
	w.must(err)
	return n
}
