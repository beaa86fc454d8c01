//go:build faults && linux

package network

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// TestOnlyTheIsolatedPrimary: a worker that sees only a primary which the others do not
// see any more starts nothing on its word, although that one carries out the claim.
// Another does the work with the new primary. Once healed, the worker goes on, and
// nothing has run twice.
func TestOnlyTheIsolatedPrimary(t *testing.T) {
	w := newWorld(t, mongod.Options{Members: 3})
	a := w.start(settings{Name: "a", Processors: 4})
	old, err := w.server.Primary(w.within(time.Minute))
	w.must(err)
	others := slices.Delete(slices.Clone(w.members), old, old+1)

	// Some of them come due while the old primary still takes itself for one.
	const tasks, spread = 60, 12 * time.Second
	for i := range tasks {
		w.enqueue(&Work{N: i}, lgtask.In(time.Duration(i)*spread/tasks))
	}
	w.must(w.members[old].Cut(w.Context(), netlab.Drop, others...))
	a.cutOff(netlab.Drop, others...)
	cut := time.Now()
	w.says("member %d, the primary, and a are cut off from the others", old)

	next := w.primaryAmong(others)
	w.says("%s is primary among the others", next.IP())
	b := w.start(settings{Name: "b", Processors: 4})
	w.says("b, which sees all of them, listens")
	w.settle()
	// What was carried out there and is not the majority's.
	tried := w.working(w.members[old])
	w.says("the isolated primary has %d tasks claimed; b has run %d of %d, a %d before the cut", tried, len(b.all("runs")), tasks, len(a.all("runs")))
	if tried == 0 {
		w.Error("nothing was claimed from the isolated primary: this shows nothing")
	}
	healing := time.Now()
	w.must(w.members[old].Heal(w.Context()))
	a.heal()
	open := len(a.all("begins")) - len(a.all("ends")) // begun before the cut, at the latest
	if late := a.all("begins"); len(late) > 0 && late[len(late)-1].At.Sub(cut) > time.Second {
		w.Errorf("a began a task %v after the cut", late[len(late)-1].At.Sub(cut))
	}

	b.end("b")
	ids := w.create(20, Work{N: 100})
	for _, id := range ids {
		a.waits(time.Minute, "ends", id.String())
	}
	w.says("a has run 20 more, %.1f s after the healing", time.Since(healing).Seconds())
	v := w.judge()
	if v.effects > v.acked+open {
		w.Errorf("%d runs of %d tasks: some ran twice, and only %d were going when the cut came", v.effects, v.acked, open)
	}
}

// directly runs f with a client of one member alone.
func (w *world) directly(h *netlab.Host, f func(ctx context.Context, c *mongo.Client) error) error {
	w.Helper()
	member := slices.Index(w.members, h)
	c, err := mongo.Connect(options.Client().SetHosts([]string{w.server.Address(member)}).SetDirect(true).SetServerSelectionTimeout(5 * time.Second))
	w.must(err)
	ctx, cancel := context.WithTimeout(w.Context(), 20*time.Second)
	defer cancel()
	defer func() { w.must(c.Disconnect(ctx)) }()
	return f(ctx, c)
}

// primaryAmong waits for one of the members to be primary.
func (w *world) primaryAmong(members []*netlab.Host) (primary *netlab.Host) {
	w.Helper()
	w.eventually(time.Minute, "a primary", func() bool {
		for _, h := range members {
			var hello struct {
				Is bool `bson:"isWritablePrimary"`
			}
			err := w.directly(h, func(ctx context.Context, c *mongo.Client) error {
				return c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
			})
			if err == nil && hello.Is {
				primary = h
				return true
			}
		}
		return false
	})
	return primary
}

// working counts the tasks that are claimed in a member's own eyes.
func (w *world) working(h *netlab.Host) (n int64) {
	w.Helper()
	w.must(w.directly(h, func(ctx context.Context, c *mongo.Client) (err error) {
		n, err = c.Database(w.db.Name()).Collection("tasks").CountDocuments(ctx, bson.D{{Key: "state", Value: lgtask.StateWorking}})
		return err
	}))
	return n
}
