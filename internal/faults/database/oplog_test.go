//go:build faults && unix

package database

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// TestOplogRolledOver writes so much while the stream is not read, and while the
// processors are down, that the server forgets what it would have told. The stream is
// opened anew, with a warning, and everything is found.
func TestOplogRolledOver(t *testing.T) {
	w := newWorld(t, mongod.Options{OplogSizeMB: 2, Args: []string{"--syncdelay", "1"}}) // the oplog since the last checkpoint is kept
	w.rolls = true
	k := w.start("a", 4)
	w.begins(w.create(&Work{}), time.Minute)

	const block = 25 * time.Second // less than after which the stream would be given up
	heal, began := w.fail(point{commands: []string{"getMore"}, block: block}), time.Now()
	w.lasts(6 * time.Second) // the read under way is over, the next is held up
	ids := w.several(20)
	w.roll()
	rolled := time.Since(began)
	heal()
	var found span
	for _, id := range ids {
		found = append(found, w.begins(id, time.Minute).from.Sub(began))
	}
	reopened := w.eventually("the warning", time.Minute, func() bool { return k.log.counts(began)["not listening; trying again until it works"] > 0 })
	reason := k.Stats().Watcher.LastError
	t.Logf("live: the oplog rolled over within %.1f s, found %v after the stream was held up, the warning %.1f s after that: %s", rolled.Seconds(), found, reopened.Seconds(), reason)
	if !strings.Contains(reason, "CappedPositionLost") && !strings.Contains(reason, "ChangeStreamHistoryLost") {
		t.Errorf("the stream was not lost, but: %s", reason)
	}

	k.stop()
	ids = w.several(20)
	w.roll()
	k, began = w.start("b", 4), time.Now()
	found = nil
	for _, id := range ids {
		found = append(found, w.begins(id, time.Minute).from.Sub(began))
	}
	v := w.judge()
	t.Logf("down: found %v after the start; %d tasks acknowledged, %d runs more than tasks, %d missed", found, v.acked, v.again, k.Stats().Missed)
	if v.again > 0 {
		t.Errorf("%d tasks ran twice", v.again)
	}
}

// several creates tasks.
func (w *world) several(n int) (ids []lgtask.TaskID) {
	w.Helper()
	for i := range n {
		ids = append(ids, w.create(&Work{N: i}))
	}
	return ids
}

// roll writes until the oplog has forgotten what was there before.
func (w *world) roll() {
	w.Helper()
	oplog := w.db.Client().Database("local").Collection("oplog.rs")
	edge := func(order int) (at bson.Timestamp) {
		var e struct {
			TS bson.Timestamp `bson:"ts"`
		}
		w.must(oplog.FindOne(w.within(time.Minute), bson.D{}, options.FindOne().SetSort(bson.D{{Key: "$natural", Value: order}})).Decode(&e))
		return e.TS
	}
	now, junk := edge(-1), bytes.Repeat([]byte("x"), 256<<10)
	w.eventually("an oplog that has rolled over", time.Minute, func() bool {
		_, err := w.db.Client().Database("junk").Collection("junk").InsertOne(w.within(time.Minute), bson.D{{Key: "x", Value: junk}})
		w.must(err)
		return edge(1).After(now)
	})
}
