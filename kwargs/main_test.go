package kwargs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

const (
	lockedUser     = "keeper"
	lockedPassword = "s3cr3t-Pa55"
)

// lockedServer is a second server, with a password, started when first asked for.
var lockedServer = sync.OnceValues(func() (*mongod.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s, err := mongod.Start(ctx, mongod.Options{User: lockedUser, Password: lockedPassword})
	if err == nil {
		stopLocked = s.Stop
	}
	return s, err
})

var stopLocked = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopLocked()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// own connects to the server for tests, as the library would to its database.
func own(t *testing.T) (uri string, client *mongo.Client) {
	t.Helper()
	uri, err := mongod.ForTests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uri, connect(t, uri)
}

func locked(t *testing.T) (uri string) {
	t.Helper()
	s, err := lockedServer()
	if err != nil {
		t.Fatal(err)
	}
	return s.URI()
}

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	u, err := mongouri.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(u.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client
}

// at is the address of a path on the first host of a server, bare.
func at(t *testing.T, uri, path string) string {
	t.Helper()
	u, err := mongouri.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return "mongodb://" + u.Hosts()[0] + "/" + path
}

// host is the first host of a server.
func host(t *testing.T, uri string) string {
	t.Helper()
	return strings.TrimSuffix(strings.TrimPrefix(at(t, uri, ""), "mongodb://"), "/")
}

// works inserts into a collection and drops it.
func works(t *testing.T, c *mongo.Collection) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.InsertOne(ctx, bson.D{{Key: "x", Value: 1}}); err != nil {
		t.Error(err)
	}
	if err := c.Drop(ctx); err != nil {
		t.Error(err)
	}
}

// refusedWith decodes one kwarg that must be refused with an error of type E.
func refusedWith[E error](t *testing.T, b *Binder, text string) E {
	t.Helper()
	var c struct{ X any }
	release, err := b.Decode(t.Context(), doc(t, "x", text), &c)
	release()
	var want E
	if !errors.As(err, &want) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%s: error %v, want a %T", mongouri.Redact(text), err, want)
	}
	noSecret(t, err)
	return want
}

func noSecret(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, lockedPassword) || strings.Contains(text, "topsecret") {
			t.Errorf("a secret is in %T: %s", err, text)
		}
	}
}
