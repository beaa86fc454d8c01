//go:build faults && unix

package database

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// unknownCommit is the label of a commit whose outcome is not known: it may be
// repeated.
const unknownCommit = "UnknownTransactionCommitResult"

// TestTransactions enqueues a thousand tasks in a transaction that stays open for a
// while, is aborted, or whose commit has an unknown outcome. All are there, or none,
// and each runs once; later tasks do not wait for them.
func TestTransactions(t *testing.T) {
	const size = 1000
	w := newWorld(t, mongod.Options{Members: 3})
	d := &lossy{}
	w.conn = w.over(d, appProducer)
	w.start("a", 8)
	for _, c := range []struct {
		name  string
		open  time.Duration
		fault func() (heal func())
		abort bool
	}{
		{name: "committed after 5 s", open: 5 * time.Second},
		{name: "aborted", open: time.Second, abort: true},
		{name: "commit not confirmed", fault: func() func() {
			heal := w.fail(point{commands: []string{"commitTransaction"}, times: 3, concern: 64, app: appProducer})
			return func() { heal() }
		}},
		{name: "reply to the commit lost", fault: func() func() {
			lost := 0
			d.set(func(command, _ string) bool {
				if command == "commitTransaction" {
					lost++
				}
				return command == "commitTransaction" && lost <= 3
			})
			return func() { d.set(nil) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			sess, err := w.conn.Database().Client().StartSession()
			w.must(err)
			defer sess.EndSession(context.WithoutCancel(t.Context()))
			ids := w.many(sess, size)
			single := w.create(&Work{N: -1}) // has a later ID
			w.begins(single, time.Minute)
			w.lasts(c.open)
			if n := w.book.count(); n != 1 {
				t.Errorf("%d tasks began before the commit", n-1)
			}
			if c.abort {
				w.must(sess.AbortTransaction(w.within(time.Minute)))
			} else {
				commits := w.commit(sess, c.fault)
				for _, id := range ids {
					w.book.change(func() { w.book.acked[id] = time.Now() })
				}
				t.Logf("%d commits", commits)
			}
			v := w.judge()
			t.Logf("%s: %d tasks, begun after %v, %d claims, %d runs more than tasks", c.name, v.ended, v.waits, v.claims, v.again)
			if want := 1 + size; c.abort && v.ended != 1 || !c.abort && v.ended != want || v.again > 0 {
				t.Errorf("%d tasks ended, %d ran twice", v.ended, v.again)
			}
			w.clear()
		})
	}
}

// many enqueues tasks in a transaction that stays open.
func (w *world) many(sess *mongo.Session, n int) (ids []lgtask.TaskID) {
	w.Helper()
	w.must(sess.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.Majority())))
	list := make([]lgtask.NewTask, n)
	for i := range list {
		list[i].Kwargs = &Work{N: i}
	}
	rs, err := w.conn.CreateTasks(mongo.NewSessionContext(w.within(time.Minute), sess), list)
	w.must(err)
	for _, r := range rs {
		ids = append(ids, r.ID)
	}
	return ids
}

// commit commits until the outcome is known, and returns how often it had to.
func (w *world) commit(sess *mongo.Session, fault func() (heal func())) (commits int) {
	w.Helper()
	if fault != nil {
		defer fault()()
	}
	for commits = 1; ; commits++ {
		err := sess.CommitTransaction(w.within(time.Minute))
		var labeled mongo.LabeledError
		if err == nil || !errors.As(err, &labeled) || !labeled.HasErrorLabel(unknownCommit) {
			w.must(err)
			return commits
		}
	}
}
