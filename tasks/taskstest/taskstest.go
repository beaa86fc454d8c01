// Package taskstest gives tests a task database of their own on a real MongoDB
// and checks, when the test ends, what must hold for every task database at any
// time: see [CheckInvariants].
package taskstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/tasks"
)

// client is shared by all tests of a binary, so that a dead server is one clear
// failure.
var client = sync.OnceValues(func() (*mongo.Client, error) {
	asked.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	uri, err := mongod.ForTests(ctx)
	if err != nil {
		return nil, err
	}
	return mongo.Connect(options.Client().ApplyURI(uri))
})

// asked reports whether any test needed the server.
var asked atomic.Bool

// URI returns the address of the test server.
func URI(t testing.TB) string {
	t.Helper()
	uri, err := mongod.ForTests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// DB returns a database that only this test uses. When the test ends its
// invariants are checked and it is dropped.
func DB(t testing.TB) *mongo.Database {
	t.Helper()
	c, err := client()
	if err != nil {
		t.Fatalf("no MongoDB for tests: %v", err)
	}
	name := "lgtask_" + bson.NewObjectID().Hex()
	db := c.Database(name)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		CheckInvariants(ctx, t, db)
		if err := db.Drop(ctx); err != nil {
			t.Errorf("dropping %s: %v", name, err)
		}
	})
	return db
}

// Store returns a prepared store on a database of its own.
func Store(t testing.TB) *tasks.Store {
	t.Helper()
	s := tasks.NewStore(DB(t), tasks.Options{})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Close disconnects the shared client, if there is one. A TestMain that looks
// for leaked goroutines calls it first.
func Close() {
	if !asked.Load() {
		return
	}
	if c, err := client(); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Disconnect(ctx); err != nil {
			fmt.Println("taskstest:", err)
		}
	}
}

// CheckInvariants reports every document that breaks a rule of the task
// database: a holder exactly while claimed, a token from the first claim on,
// an end exactly in a final state, an expiry only there, keys only where they
// belong, and at most one waiting and one going run of a name.
func CheckInvariants(ctx context.Context, t testing.TB, db *mongo.Database) {
	t.Helper()
	cur, err := db.Collection("tasks").Find(ctx, bson.D{{Key: "v", Value: bson.D{{Key: "$exists", Value: true}}}})
	if err != nil {
		t.Errorf("reading the tasks: %v", err)
		return
	}
	pending, running := map[string]tasks.ID{}, map[string]tasks.ID{}
	for cur.Next(ctx) {
		var task tasks.Task
		if err := bson.Unmarshal(cur.Current, &task); err != nil {
			continue // malformed on purpose: it can only have ended as an error
		}
		for _, problem := range problems(&task) {
			t.Errorf("invariant: task %s (%s, %s): %s\n%s", task.ID, task.TaskClass, task.State, problem, cur.Current)
		}
		unique(t, pending, task.PendingKey, task.ID)
		unique(t, running, task.RunningKey, task.ID)
	}
	if err := cur.Err(); err != nil {
		t.Errorf("reading the tasks: %v", err)
	}
}

func unique(t testing.TB, seen map[string]tasks.ID, key string, id tasks.ID) {
	t.Helper()
	if key == "" {
		return
	}
	if other, dup := seen[key]; dup {
		t.Errorf("invariant: tasks %s and %s share the key %s", other, id, key)
	}
	seen[key] = id
}

func problems(t *tasks.Task) (found []string) {
	rule := func(ok bool, format string, args ...any) {
		if !ok {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	rule(t.State.Valid(), "unknown state")
	rule(t.State.Claimed() == (t.Holder != ""), "holder %q", t.Holder)
	rule(!t.State.Claimed() || !t.Claim.Token.IsZero(), "claimed without a token")
	rule(t.State != tasks.Success || !t.Claim.Token.IsZero(), "succeeded without a claim")
	rule(t.State.Final() == !t.TsStop.IsZero(), "tsStop %v", t.TsStop)
	rule(t.State.Final() || t.ExpireAt.IsZero(), "expireAt %v", t.ExpireAt)
	rule(t.PendingKey == "" || t.State == tasks.Request, "pendingKey %q", t.PendingKey)
	rule(t.PendingKey == "" || t.RunningKey == "", "both keys")
	rule(t.RunningKey == "" || !t.State.Final(), "runningKey %q", t.RunningKey)
	rule(t.RunningKey == "" || strings.HasPrefix(t.RunningKey, t.TaskClass+"/"), "runningKey %q", t.RunningKey)
	// A task given back and refused later has started before it was due again.
	ran := t.State.Claimed() || t.State == tasks.Success
	rule(!ran || t.TsStart.IsZero() || t.TsRequest.IsZero() || !t.TsStart.Before(t.TsRequest),
		"started %v, due only at %v", t.TsStart, t.TsRequest)
	rule(len(t.Errors) <= 5, "%d errors kept", len(t.Errors))
	return found
}

// Eventually polls until ok returns true, and fails the test with what it was
// waiting for after a minute. It is for states of the database that no event
// announces.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
		<-tick.C
	}
}
