//go:build faults && unix

package crash

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// later is what a newer build writes into a document beside the fields of today.
var later = bson.E{Key: "later", Value: bson.D{{Key: "a", Value: "$$NOW"}, {Key: "b", Value: bson.A{int64(1) << 53, nil}}}}

// marks writes it into a document.
func (w *world) marks(coll *mongo.Collection, id any) {
	w.Helper()
	res, err := coll.UpdateByID(w.Context(), id, bson.D{{Key: "$set", Value: bson.D{later}}})
	w.must(err)
	if res.MatchedCount != 1 {
		w.Fatalf("%s has no document %v", coll.Name(), id)
	}
}

// marked wants it to be there still.
func (w *world) marked(coll *mongo.Collection, id any) {
	w.Helper()
	want, err := bson.Marshal(bson.D{later})
	w.must(err)
	raw, err := coll.FindOne(w.Context(), bson.D{{Key: "_id", Value: id}}).Raw()
	w.must(err)
	if got := raw.Lookup("later"); !got.Equal(bson.Raw(want).Lookup("later")) {
		w.Errorf("a document of %s has lost what a newer build wrote: %v", coll.Name(), raw)
	}
}

// TestBesideANewerBuild: fields of a newer build are kept through all that can become
// of a document, and a newer layout is refused by who starts, while who runs goes on.
func TestBesideANewerBuild(t *testing.T) {
	w := newWorld(t)
	tasks, schedules, processors, meta := w.db.Collection("tasks"), w.db.Collection("schedules"), w.db.Collection("processors"), w.db.Collection("meta")
	ids := map[string]lgtask.TaskID{
		"success": w.create("Work", Work{Log: true}), "killed": w.create("Work", Work{Takes: 1500}),
		"delayed": w.delay(2*time.Second, Work{}), "stopped": w.create("Work", Work{Takes: 4000}),
	}
	for _, id := range ids {
		w.marks(tasks, id)
	}
	w.marks(meta, "lgtask")
	p := w.start("a", 4, map[string]string{"LGTASK_GRACE": "1ms"})
	w.ran(ids["killed"], 1)
	p.kill()
	p = w.start("a", 4, map[string]string{"LGTASK_GRACE": "1ms"})
	w.ran(ids["stopped"], 2)
	p.stop()
	p = w.start("a", 4, nil)
	w.eventually("all to end", func() bool { return w.open() == 0 })
	for _, id := range ids {
		w.marked(tasks, id)
	}
	if task := w.task(ids["killed"]); task.Crashes != 1 {
		t.Errorf("it was not killed: %+v", task)
	}
	w.judge(true)

	_, err := w.conn.IntervalTask(t.Context(), lgtask.In(time.Second), "Work", Work{})
	w.must(err)
	w.marks(schedules, "Work/")
	infos, err := w.conn.Processors(t.Context())
	w.must(err)
	var process struct {
		Epoch string `bson:"_id"`
		Beats int64  `bson:"hb"`
	}
	read := func() {
		w.must(processors.FindOne(t.Context(), bson.D{{Key: "pid", Value: infos[0].PID}}).Decode(&process))
	}
	read()
	before := process.Beats
	w.marks(processors, process.Epoch)
	w.eventually("two signs of life", func() bool { read(); return process.Beats >= before+2 })
	w.marked(processors, process.Epoch)
	w.marked(schedules, "Work/")
	w.marked(meta, "lgtask")

	_, err = meta.UpdateByID(t.Context(), "lgtask", bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: 1000}}}})
	w.must(err)
	refused := w.launch("b", 1, nil)
	refused.exits(2)
	text, _ := refused.log.read()
	if lines := strings.Count(text, "\n"); lines != 1 || !strings.Contains(text, "layout version 1000 is newer") || !strings.Contains(text, "update the program") {
		t.Errorf("it is refused in %d lines: %s", lines, text)
	}
	w.comes(w.create("Work", Work{}), lgtask.StateSuccess) // by the one that runs
	p.stop()
	w.empty()
}

// delay enqueues a task for later.
func (w *world) delay(d time.Duration, k Work) lgtask.TaskID {
	w.Helper()
	r, err := w.conn.DelayedTask(w.Context(), lgtask.In(d), "Work", k)
	w.must(err)
	w.acked = append(w.acked, r.ID)
	return r.ID
}
