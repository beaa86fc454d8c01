//go:build image

package docker

import (
	"net/url"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// work is a task that a container must run.
type work struct {
	class string
	log   string // the last line of its log
}

// What the program logs when it works, with the classes in it alone and with those
// of a task folder, which a worker process runs.
const (
	processorsReady = "processors are ready"
	workerReady     = "a processor runs"
)

// testContainer starts an image as a container, over TLS with a certificate of
// the test's own authority, and sees it work: it comes up, sets the next run of
// a schedule of another zone, runs tasks, is healthy, leaves no dead processes, and
// stops.
func testContainer(t *testing.T, ca *authority, c container, todo ...work) {
	db := taskstest.DB(t)
	vanished(t, db, todo[0].class)
	c.secret = throughTLS(t, ca, db.Name())
	c.env = []string{"LGTASK_DATABASE_FILE=" + secretPath, "LGTASK_NAME=image"}
	if code := c.healthAlone(t); code != 1 {
		t.Errorf("the health check ends with %d where no processor runs, want 1", code)
	}

	p := c.start(t)
	p.says(t, c.ready)
	wantZone(t, db, todo[0].class)
	for _, w := range todo {
		wantSuccess(t, db, w)
	}
	if code := p.health(t); code != 0 {
		t.Errorf("the health check ends with %d, want 0", code)
	}
	p.wantNoOrphans(t)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.exits(t, 0)
}

// healthAlone runs the image's health check as the only process of a container.
func (c container) healthAlone(t *testing.T) int {
	t.Helper()
	p := c.start(t, c.config.Healthcheck.Test[1:]...)
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// throughTLS returns the address of a task database on the test server behind a
// TLS proxy.
func throughTLS(t *testing.T, ca *authority, database string) string {
	t.Helper()
	u, err := url.Parse(taskstest.URI(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.Path = ca.proxy(t, u.Host), "/"+database
	q := u.Query()
	q.Del("replicaSet")
	q.Set("directConnection", "true") // the server would name its own address, which is without TLS
	q.Set("tls", "true")
	u.RawQuery = q.Encode()
	return u.String()
}

// dawn is when a run is due in Tokyo, which has no such hour in common with UTC.
const dawn = "04:30"

// vanished schedules runs of a class in a zone and removes the waiting one: the
// next processor has to set it again, for which it must know the zone.
func vanished(t *testing.T, db *mongo.Database, class string) {
	t.Helper()
	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.CronTask(t.Context(), "CRON_TZ=Asia/Tokyo 30 4 * * *", class, nil); err != nil {
		t.Fatal(err)
	}
	gone, err := db.Collection("tasks").DeleteMany(t.Context(), bson.D{{Key: "taskClass", Value: class}})
	if err != nil || gone.DeletedCount != 1 {
		t.Fatalf("%+v runs removed, %v", gone, err)
	}
}

func wantZone(t *testing.T, db *mongo.Database, class string) {
	t.Helper()
	zone := time.FixedZone("Tokyo", 9*60*60)
	var next struct {
		TsRequest time.Time `bson:"tsRequest"`
	}
	taskstest.Eventually(t, "the next run of the schedule", func() bool {
		return db.Collection("tasks").FindOne(t.Context(), bson.D{{Key: "taskClass", Value: class}}).Decode(&next) == nil
	})
	if got := next.TsRequest.In(zone).Format("15:04"); got != dawn {
		t.Errorf("the next run is due at %s in Tokyo, want %s", got, dawn)
	}
}

// wantSuccess inserts a task as any program would and waits for its end.
func wantSuccess(t *testing.T, db *mongo.Database, w work) {
	t.Helper()
	tasks := db.Collection("tasks")
	in, err := tasks.InsertOne(t.Context(), bson.D{
		{Key: "taskClass", Value: w.class}, {Key: "state", Value: "request"}, {Key: "kwargs", Value: bson.D{{Key: "name", Value: "world"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var task struct {
		State   string
		LastLog string `bson:"lastLog"`
	}
	taskstest.Eventually(t, "the end of the task "+w.class, func() bool {
		if err := tasks.FindOne(t.Context(), bson.D{{Key: "_id", Value: in.InsertedID}}).Decode(&task); err != nil {
			t.Fatal(err)
		}
		return task.State == "success" || task.State == "error" || task.State == "aborted"
	})
	if task.State != "success" || task.LastLog != w.log {
		t.Errorf("the task %s ended as %s with %q, want success with %q", w.class, task.State, task.LastLog, w.log)
	}
}
