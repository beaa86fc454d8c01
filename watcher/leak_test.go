package watcher

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestNoCursorLeak opens 50 streams and ends each another way: while it waits,
// just after an event, or by its cursor being killed.
func TestNoCursorLeak(t *testing.T) {
	db := taskstest.DB(t)
	before := openCursors(t, db)
	for i := range 50 {
		r := watch(t, db)
		switch i % 3 {
		case 1:
			r.insert(t, 1)
			r.event(t, tasks.Inserted)
		case 2:
			taskstest.Eventually(t, "the cursor in use", func() bool { return len(cursors(t, db)) > 0 })
		}
		r.stop()
	}
	taskstest.Eventually(t, "no cursor of these tasks on the server", func() bool { return len(cursors(t, db)) == 0 })
	taskstest.Eventually(t, "as many open cursors as before", func() bool { return openCursors(t, db) <= before })
}

// openCursors returns how many cursors the whole server holds.
func openCursors(t *testing.T, db *mongo.Database) int64 {
	t.Helper()
	var status struct {
		Metrics struct {
			Cursor struct {
				Open struct {
					Total int64 `bson:"total"`
				} `bson:"open"`
			} `bson:"cursor"`
		} `bson:"metrics"`
	}
	if err := db.RunCommand(t.Context(), bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status); err != nil {
		t.Fatal(err)
	}
	return status.Metrics.Cursor.Open.Total
}
