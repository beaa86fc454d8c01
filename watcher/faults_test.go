package watcher

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestCursorKilled: whether the driver resumes the stream or we open a new one,
// nothing is missed.
func TestCursorKilled(t *testing.T) {
	t.Parallel()
	db := taskstest.DB(t)
	r := watch(t, db)
	ids := r.insert(t, 5)
	for range 3 {
		var open []int64
		taskstest.Eventually(t, "an open cursor", func() bool { open = cursors(t, db); return len(open) > 0 })
		kill := bson.D{{Key: "killCursors", Value: "tasks"}, {Key: "cursors", Value: open}}
		if err := db.RunCommand(t.Context(), kill).Err(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.insert(t, 20)...)
		r.missesNone(t, ids)
		taskstest.Eventually(t, "another cursor", func() bool {
			now := cursors(t, db)
			return len(now) > 0 && !slices.ContainsFunc(now, func(id int64) bool { return slices.Contains(open, id) })
		})
	}
}

func TestCollectionGone(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, db *mongo.Database) error{
		"dropped": func(ctx context.Context, db *mongo.Database) error { return db.Collection("tasks").Drop(ctx) },
		"renamed": func(ctx context.Context, db *mongo.Database) error {
			ns := db.Name() + ".tasks"
			return db.Client().Database("admin").RunCommand(ctx, bson.D{{Key: "renameCollection", Value: ns}, {Key: "to", Value: ns + "_old"}}).Err()
		},
		"database dropped": func(ctx context.Context, db *mongo.Database) error { return db.Drop(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := taskstest.DB(t)
			r := watch(t, db)
			r.missesNone(t, r.insert(t, 3))
			want := layout(t, db)
			if err := do(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			r.reset(t)
			got := slices.DeleteFunc(layout(t, db), func(s string) bool { return s == "tasks_old" || len(s) > 10 && s[:10] == "tasks_old." })
			if !slices.Equal(got, want) {
				t.Errorf("there is %q\nwant     %q", got, want)
			}
			r.missesNone(t, r.insert(t, 3))
			if got := r.w.Stats(); got.Openings != 2 {
				t.Errorf("stats: %+v", got)
			}
		})
	}
}

// layout lists the collections of db and their indexes.
func layout(t *testing.T, db *mongo.Database) (names []string) {
	t.Helper()
	colls, err := db.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	for _, coll := range colls {
		names = append(names, coll)
		indexes, err := db.Collection(coll).Indexes().ListSpecifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, ix := range indexes {
			names = append(names, fmt.Sprintf("%s.%s %s unique %v", coll, ix.Name, ix.KeysDocument, ix.Unique != nil && *ix.Unique))
		}
	}
	slices.Sort(names)
	return names
}

// ownClient returns db through a client of its own, whose commands fail points
// can tell from those of other tests, and a counter of its aggregate commands.
func ownClient(t *testing.T, db *mongo.Database) (*mongo.Database, *atomic.Int64) {
	t.Helper()
	opens := &atomic.Int64{}
	monitor := &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if e.CommandName == "aggregate" {
			opens.Add(1)
		}
	}}
	c, err := mongo.Connect(options.Client().ApplyURI(taskstest.URI(t)).SetAppName(db.Name()).SetMonitor(monitor))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c.Database(db.Name()), opens
}

// failGetMore lets the getMore commands of db's own client fail with code, until
// the test ends or heal is called.
func failGetMore(t *testing.T, db *mongo.Database, mode any, code int) (heal func()) {
	t.Helper()
	set := func(mode any) {
		err := db.Client().Database("admin").RunCommand(context.Background(), bson.D{
			{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode},
			{Key: "data", Value: bson.D{
				{Key: "failCommands", Value: bson.A{"getMore"}}, {Key: "errorCode", Value: code}, {Key: "appName", Value: db.Name()},
			}},
		}).Err()
		if err != nil {
			t.Error(err)
		}
	}
	heal = func() { set("off") }
	t.Cleanup(heal)
	set(mode)
	return heal
}

// TestGetMoreFails is not parallel: the server has one such fail point.
func TestGetMoreFails(t *testing.T) {
	for _, c := range []struct {
		code  int
		heals bool // the driver resumes the stream itself
	}{{286, false}, {280, false}, {10334, false}, {43, true}} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			shared := taskstest.DB(t)
			db, _ := ownClient(t, shared)
			r := watch(t, db)
			ids := r.insert(t, 3)
			failGetMore(t, shared, bson.D{{Key: "times", Value: 2}}, c.code)
			ids = append(ids, r.insert(t, 20)...)
			if !c.heals {
				r.reset(t)
				r.reset(t)
			}
			ids = append(ids, r.insert(t, 3)...)
			r.missesNone(t, ids)
			want := int64(3)
			if c.heals {
				want = 1
			}
			if got := r.w.Stats(); got.Openings != want {
				t.Errorf("%d openings, want %d: %+v", got.Openings, want, got)
			}
		})
	}
}

// TestGetMoreFailsAlways: neither we nor the driver, which resumes after code 43,
// must turn in circles.
func TestGetMoreFailsAlways(t *testing.T) {
	for _, code := range []int{286, 43} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			shared := taskstest.DB(t)
			db, opens := ownClient(t, shared)
			r := watch(t, db)
			began := time.Now()
			heal := failGetMore(t, shared, "alwaysOn", code)
			ids := r.insert(t, 5) // wakes the stream
			for range 4 {         // 1.5 s of waits
				r.reset(t)
			}
			heal()
			ids = append(ids, r.insert(t, 5)...)
			r.missesNone(t, ids)
			// What the driver resumes more slowly than that is no hot loop.
			slow := int64(time.Since(began) / (atOnce / mostAtOnce))
			if n, most := opens.Load(), r.w.Stats().Openings*(mostAtOnce+2)+5+slow; n > most {
				t.Errorf("%d streams opened on the server, at most %d expected", n, most)
			}
		})
	}
}

// TestDroppedBeforeOpening: what is dropped after Prepare and before the stream
// is open gives no event, and must be there again all the same.
func TestDroppedBeforeOpening(t *testing.T) {
	t.Parallel()
	db := taskstest.DB(t)
	src := FromStore(tasks.NewStore(db, tasks.Options{}))
	if err := src.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := layout(t, db)
	if err := db.Collection("tasks").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := src.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStream(t.Context(), st)
	if got := layout(t, db); !slices.Equal(got, want) {
		t.Errorf("there is %q\nwant     %q", got, want)
	}
}
