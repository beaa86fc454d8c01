package mongod_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongod"
)

// start starts a server that ends with the test.
func start(t *testing.T, opts mongod.Options) *mongod.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	s, err := mongod.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v: %s", time.Since(began).Round(time.Millisecond), s.URI())
	t.Cleanup(s.Stop)
	return s
}

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(context.WithoutCancel(t.Context())) })
	return c
}

func insert(t *testing.T, c *mongo.Client, id int) {
	t.Helper()
	if _, err := c.Database("db").Collection("c").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
		t.Fatal(err)
	}
}

func withoutUser(uri string) string {
	return "mongodb://" + uri[strings.LastIndexByte(uri, '@')+1:]
}

func TestOneMember(t *testing.T) {
	s := start(t, mongod.Options{})
	c := connect(t, s.URI())
	stream, err := c.Database("db").Collection("c").Watch(t.Context(), mongo.Pipeline{})
	if err != nil {
		t.Fatalf("no change streams: %v", err)
	}
	insert(t, c, 1)
	if !stream.Next(t.Context()) {
		t.Fatal(stream.Err())
	}
	_ = stream.Close(t.Context())

	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(0, syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signalling a killed member: %v", err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, err := c.Database("db").Collection("c").CountDocuments(t.Context(), bson.D{})
	if err != nil || n != 1 {
		t.Fatalf("after the restart: %d documents, %v", n, err)
	}
	insert(t, c, 2)
}

func TestThreeMembersWithUser(t *testing.T) {
	s := start(t, mongod.Options{Members: 3, User: "tester", Password: "p@ss/word"})
	c := connect(t, s.URI())
	insert(t, c, 1)
	if err := connect(t, withoutUser(s.URI())).Database("db").Collection("c").FindOne(t.Context(), bson.D{}).Err(); err == nil {
		t.Error("read without credentials")
	}

	old, err := s.Primary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	insert(t, c, 2) // by the next primary
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	insert(t, c, 3)
}

// TestArbiter: the third member votes, and has no data.
func TestArbiter(t *testing.T) {
	s := start(t, mongod.Options{Members: 3, Arbiter: true, Dir: t.TempDir(), Hosts: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
		Enter: [][]string{{"env"}, {"env"}, {"env"}}})
	c := connect(t, s.URI())
	insert(t, c, 1)
	var hello struct {
		Hosts, Arbiters []string
	}
	if err := c.Database("admin").RunCommand(t.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		t.Fatal(err)
	}
	if len(hello.Hosts) != 2 || len(hello.Arbiters) != 1 || !strings.HasPrefix(hello.Arbiters[0], "127.0.0.3:") {
		t.Errorf("the members are %+v", hello)
	}
}

func TestStandalone(t *testing.T) {
	s := start(t, mongod.Options{Standalone: true})
	insert(t, connect(t, s.URI()), 1)
}

func TestOptionsAreChecked(t *testing.T) {
	for name, opts := range map[string]mongod.Options{
		"members":    {Members: 2},
		"standalone": {Members: 3, Standalone: true},
		"password":   {User: "tester"},
		"oplog":      {OplogSizeMB: -1},
		"arbiter":    {Arbiter: true},
		"hosts":      {Hosts: []string{"127.0.0.1", "127.0.0.2"}},
		"enter":      {Members: 3, Enter: [][]string{{"env"}}},
	} {
		if s, err := mongod.Start(t.Context(), opts); err == nil {
			s.Stop()
			t.Errorf("%s: %+v was accepted", name, opts)
		}
	}
}

func TestSmallOplog(t *testing.T) {
	s := start(t, mongod.Options{OplogSizeMB: 1})
	var stats struct {
		MaxSize int64 `bson:"maxSize"`
	}
	err := connect(t, s.URI()).Database("local").RunCommand(t.Context(), bson.D{{Key: "collStats", Value: "oplog.rs"}}).Decode(&stats)
	if err != nil || stats.MaxSize != 1<<20 {
		t.Errorf("the oplog is bounded at %d bytes, %v; want 1 MiB", stats.MaxSize, err)
	}
}

// TestFailPoints sees to it that faults can be injected.
func TestFailPoints(t *testing.T) {
	c := connect(t, start(t, mongod.Options{}).URI())
	err := c.Database("admin").RunCommand(t.Context(), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"ping"}}, {Key: "errorCode", Value: 2}}},
	}).Err()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context(), nil); err == nil {
		t.Error("the fail point did not fail the command")
	}
}
