package lgtask_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// password is that of the second server. It must show up nowhere.
const password = "s3cr3t-p@ss/w"

// second is a server of its own with access control.
func second(t *testing.T) *mongod.Server {
	t.Helper()
	s, err := mongod.Start(t.Context(), mongod.Options{User: "app", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// bare is an address on the first host of uri, without credentials.
func bare(uri, path string) string {
	_, rest, _ := strings.Cut(uri, "@")
	host, _, _ := strings.Cut(rest, "/")
	return "mongodb://" + host + "/" + path
}

// argsOf returns the documents that MyAppTask inserted.
func argsOf(t *testing.T, c *mongo.Collection) (args []int) {
	t.Helper()
	cur, err := c.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "arg", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var docs []struct{ Arg int }
	if err := cur.All(t.Context(), &docs); err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		args = append(args, d.Arg)
	}
	return args
}

func TestMyAppTaskCreatesItselfThreeTimes(t *testing.T) {
	b := setup(t)
	uri := "mongodb://" + hostOf(b) + "/" + b.db.Name()
	b.ok(b.conn.CreateTask(t.Context(), "MyAppTask", bson.M{"taskDb": uri, "arg": 0}))
	b.ok(b.conn.CreateTask(t.Context(), "MyAppTyped", bson.M{"taskDb": uri + "/typed", "arg": 0}))
	b.drain(b.start(1))
	for _, c := range []string{"collection", "typed"} {
		if args := argsOf(t, b.db.Collection(c)); len(args) != 4 || args[3] != 3 {
			t.Errorf("%s holds %v, want 0 to 3", c, args)
		}
	}
	for _, class := range []string{"MyAppTask", "MyAppTyped"} {
		if n := len(b.of(class, lgtask.StateSuccess)); n != 4 {
			t.Errorf("%d tasks of class %s succeeded, want 4", n, class)
		}
	}
}

// hostOf is the host of the test server, as a kwarg names it.
func hostOf(b *bundle) string {
	id := b.ok(b.conn.DelayedTask(b.Context(), lgtask.In(1<<50), "Unknown", bson.M{"db": b.db}))
	uri, _ := b.task(id).Kwargs.Lookup("db").StringValueOK()
	host, _, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	return host
}

func TestMyAppTaskOnASecondServerWithAPassword(t *testing.T) {
	s := second(t)
	b := setup(t, lgtask.WithMongoHosts(s.URI()))
	var log syncBuffer
	p := b.start(2, lgtask.WithLogger(zerolog.New(&log)))
	b.ok(b.conn.CreateTask(t.Context(), "MyAppTask", bson.M{"taskDb": bare(s.URI(), "app"), "arg": 1}))

	// A handle of the caller's own client, made with the password.
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	handle := client.Database("app").Collection("typed")
	_, err = lgtask.Create(t.Context(), b.conn, MyAppTyped{TaskDB: handle, Arg: 1})
	b.refused(err, lgtask.ErrUnboundHandle, "taskDb", "Bind")
	if err := b.conn.Bind(client, s.URI()); err != nil {
		t.Fatal(err)
	}
	b.ok(lgtask.Create(t.Context(), b.conn, MyAppTyped{TaskDB: handle, Arg: 1}))
	b.drain(p)

	for _, c := range []*mongo.Collection{client.Database("app").Collection("collection"), handle} {
		if args := argsOf(t, c); len(args) != 3 || args[2] != 3 {
			t.Errorf("%s holds %v, want 1 to 3", c.Name(), args)
		}
	}
	noSecret(b, log.String())
}

func TestASecondServerIsRefusedUnlessAllowed(t *testing.T) {
	s := second(t)
	wrong := strings.Replace(s.URI(), "app:", "app:not-", 1)
	for name, c := range map[string]struct {
		opts  []lgtask.ConnOption
		words []string
	}{
		"not allowed":    {nil, []string{`"taskDb"`, "LGTASK_MONGO_HOSTS"}},
		"no password":    {[]lgtask.ConnOption{lgtask.WithMongoHosts(strings.TrimSuffix(strings.TrimPrefix(bare(s.URI(), ""), "mongodb://"), "/"))}, []string{"requires authentication"}},
		"wrong password": {[]lgtask.ConnOption{lgtask.WithMongoHosts(wrong)}, []string{"auth"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, c.opts...)
			var log syncBuffer
			p := b.start(1, lgtask.WithLogger(zerolog.New(&log)))
			id := b.ok(b.conn.CreateTask(t.Context(), "MyAppTask", bson.M{"taskDb": bare(s.URI(), "app"), "arg": 1}))
			// One that brings the password along is refused as well, and not quoted.
			own := b.ok(b.conn.CreateTask(t.Context(), "MyAppTask", bson.M{"taskDb": "mongodb://app:" + "other-s3cr3t@elsewhere.invalid/app"}))
			b.says(b.ended(id, lgtask.StateError).LastLog, c.words...)
			b.says(b.ended(own, lgtask.StateError).LastLog, "elsewhere.invalid", "LGTASK_MONGO_HOSTS")
			b.drain(p)
			b.set(own, "kwargs", bson.M{}) // what the caller wrote is the caller's
			noSecret(b, log.String())
		})
	}
}

// noSecret fails the test if a password is in the log or in any document.
func noSecret(b *bundle, log string) {
	b.Helper()
	names, err := b.db.ListCollectionNames(b.Context(), bson.D{})
	if err != nil {
		b.Fatal(err)
	}
	text := log
	for _, name := range names {
		cur, err := b.db.Collection(name).Find(b.Context(), bson.D{})
		if err != nil {
			b.Fatal(err)
		}
		for cur.Next(b.Context()) {
			text += "\n" + cur.Current.String()
		}
		if err := cur.Err(); err != nil {
			b.Fatal(err)
		}
	}
	for _, secret := range []string{"s3cr3t", "not-"} {
		if i := strings.Index(text, secret); i >= 0 {
			b.Errorf("a password shows: %.200s", text[max(0, i-80):])
		}
	}
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func TestErrorsOfConnectShowNoPassword(t *testing.T) {
	b := setup(t)
	for _, uri := range []string{
		"mongodb://app:s3cr3t@127.0.0.1:1/x?serverSelectionTimeoutMS=100",
		"mongodb://app:s3cr3t@127.0.0.1:x/x", "mongodb://app:s3c/r3t@h/x", "postgres://app:s3cr3t@h/x",
	} {
		_, err := lgtask.Connect(t.Context(), uri)
		b.refused(err, lgtask.ErrUnreachable)
		if strings.Contains(err.Error(), "s3c") || strings.Contains(err.Error(), "r3t") {
			t.Errorf("a password shows: %v", err)
		}
	}
	for _, err := range []error{
		b.conn.Bind(b.db.Client(), "mongodb://app:s3cr3t@h:x/"),
		func() error {
			_, err := lgtask.New(b.db, lgtask.WithMongoHosts("mongodb://app:s3cr3t@h:x/"))
			return err
		}(),
	} {
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestHandlesOfAClientWithoutBind(t *testing.T) {
	b := setup(t)
	conn, err := lgtask.New(b.db) // unlike that of the bundle it does not know its address
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, handle := range []any{b.db, b.db.Collection("c"), b.db.Client()} {
		_, err := conn.CreateTask(t.Context(), "Unknown", bson.M{"taskDb": handle})
		b.refused(err, lgtask.ErrUnboundHandle, "taskDb", "Bind")
		b.refused(err, lgtask.ErrInvalidTask)
	}
	if n := len(b.of("Unknown")); n != 0 {
		t.Errorf("%d tasks were created", n)
	}
	if err := conn.Bind(b.db.Client(), "mongodb://u:s3cr3t@localhost:1234/?appName=x"); err != nil {
		t.Fatal(err)
	}
	for path, handle := range map[string]any{"/" + b.db.Name(): b.db, "/" + b.db.Name() + "/c": b.db.Collection("c"), "/": b.db.Client()} {
		id := b.ok(conn.CreateTask(t.Context(), "Unknown", bson.M{"taskDb": handle}))
		if got := b.task(id).Kwargs.Lookup("taskDb").StringValue(); got != "mongodb://localhost:1234"+path {
			t.Errorf("the kwarg is %q", got)
		}
	}
}
