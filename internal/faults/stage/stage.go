// Package stage sets up what a fault test of one process needs: a server of its own
// with a task database, and a connection of those who enqueue. All of it ends with the
// test.
package stage

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// startTime bounds the start of a server.
const startTime = 2 * time.Minute

// Stage is a server with a task database.
type Stage struct {
	*testing.T
	URI  string // of the task database
	DB   *mongo.Database
	Conn *lgtask.Connection
	Dir  string // for locks and other files
}

// New starts a server.
func New(t *testing.T, opts mongod.Options) *Stage {
	t.Helper()
	starting, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	server, err := mongod.Start(starting, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	name := "faults_" + bson.NewObjectID().Hex()
	u, err := mongouri.Parse(server.URI())
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Stage{T: t, URI: u.Driver(), Dir: t.TempDir()}
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s.DB = client.Database(name)
	if s.Conn, err = lgtask.New(s.DB); err != nil {
		t.Fatal(err)
	}
	return s
}

// Eventually waits for what no event announces, and returns how long it took.
func (s *Stage) Eventually(what string, most time.Duration, ok func() bool) time.Duration {
	s.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > most {
			s.Fatalf("waited %v for: %s", most, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// Main runs the tests of a package, and fails if they leave a goroutine.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
