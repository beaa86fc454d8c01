//go:build faults && unix

package database

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// The rules of liveness that the figures are compared with.
const (
	lease = 30 * time.Second
	sweep = 30 * time.Second // between two safety sweeps at most
)

// world is a server with a task database, those who enqueue there, and processors.
type world struct {
	*testing.T
	server *mongod.Server
	uri    string // of the task database
	db     *mongo.Database
	conn   *lgtask.Connection // of those who enqueue
	calm   *lgtask.Connection // one that nothing goes wrong with, unless it does for all
	book   *book
	dir    string // of the locks
	rolls  bool   // the oplog is too small to tell the story

	workers []*worker
}

// The names by which the clients of a test are known to the server, so that a fault
// hits the ones it is meant for.
const (
	appWorker   = "lgtask" // that of lgtask.Connect
	appProducer = "producer"
	appTest     = "test"
)

// books finds the book of a handler by the name of its task database.
var books sync.Map

// newWorld starts a server, and ends it with the test.
func newWorld(t *testing.T, opts mongod.Options) *world {
	t.Helper()
	starting, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, err := mongod.Start(starting, opts)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, server: server, book: newBook(), dir: t.TempDir()}
	t.Cleanup(w.close)
	name := "faults_" + bson.NewObjectID().Hex()
	books.Store(name, w.book)
	u, err := mongouri.Parse(server.URI())
	if err == nil {
		u, err = u.WithDatabase(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.uri = u.Driver()
	w.db = w.client(appTest).Database(name)
	w.calm, err = lgtask.New(w.db)
	w.must(err)
	w.conn, err = lgtask.New(w.client(appProducer).Database(name))
	w.must(err)
	return w
}

// in returns the world as a part of its test sees it.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.T = t
	return &part
}

// client returns a client of the server, which ends with the test.
func (w *world) client(app string, more ...*options.ClientOptions) *mongo.Client {
	w.Helper()
	o := options.Client().ApplyURI(w.uri).SetAppName(app).
		SetConnectTimeout(5 * time.Second).SetHeartbeatInterval(5 * time.Second).SetServerSelectionTimeout(5 * time.Second)
	c, err := mongo.Connect(append([]*options.ClientOptions{o}, more...)...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Disconnect(ctx); err != nil {
			w.Errorf("disconnecting %s: %v", app, err)
		}
	})
	return c
}

// close ends what still runs, clients first: cleanups run in reverse.
func (w *world) close() {
	w.server.Stop()
	books.Delete(w.db.Name())
}

// within returns a context for what must not take longer.
func (w *world) within(d time.Duration) context.Context {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), d)
	w.Cleanup(cancel)
	return ctx
}

// must fails the test on an error of what it does itself.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// primary returns the member that takes writes.
func (w *world) primary() int {
	w.Helper()
	i, err := w.server.Primary(w.within(time.Minute))
	w.must(err)
	return i
}

// heal starts what is down, and waits until all members are up to date.
func (w *world) heal() {
	w.Helper()
	ctx := w.within(2 * time.Minute)
	w.must(w.server.Restart(ctx))
	w.must(w.server.CaughtUp(ctx))
}

// worker is a process's worth of processors.
type worker struct {
	*lgtask.Processor
	w   *world
	log *logbook
}

// start starts processors that connect by themselves. They stop with the test.
func (w *world) start(name string, n int, opts ...lgtask.ProcessorOption) *worker {
	w.Helper()
	k := w.newWorker(name, n, opts...)
	w.must(k.Start(w.within(30 * time.Second)))
	return k
}

func (w *world) newWorker(name string, n int, opts ...lgtask.ProcessorOption) *worker {
	w.Helper()
	reg := lgtask.NewRegistry()
	lgtask.Register[Work](reg)
	log := newLogbook(w.T, name)
	cfg := lgtask.Config{TaskDatabase: w.uri, TaskName: name, Processors: n, LockDir: w.dir, Grace: 100 * time.Millisecond}
	p, err := lgtask.NewProcessor(cfg, reg, append([]lgtask.ProcessorOption{lgtask.WithLogger(log.logger())}, opts...)...)
	w.must(err)
	k := &worker{Processor: p, w: w, log: log}
	w.workers = append(w.workers, k)
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			w.Errorf("stopping %s: %v", name, err)
		}
	})
	return k
}

// stop stops the processors now.
func (k *worker) stop() {
	k.w.Helper()
	k.w.must(k.Stop(k.w.within(30 * time.Second)))
}

// eventually waits for what no event announces.
func (w *world) eventually(what string, most time.Duration, ok func() bool) (took time.Duration) {
	w.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > most {
			w.Fatalf("waited %v for: %s", most, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// wait waits for a time to pass, as a fault lasts for a while.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lasts lets a fault last.
func (w *world) lasts(d time.Duration) {
	w.Helper()
	w.must(wait(w.Context(), d))
}

// timeOr returns how long a fault is repeated: FAULTS_TIME, or the time given.
func (w *world) timeOr(d time.Duration) time.Duration {
	w.Helper()
	text := os.Getenv("FAULTS_TIME")
	if text == "" {
		return d
	}
	long, err := time.ParseDuration(text)
	if err == nil && long <= 0 {
		err = errors.New("it must be longer than nothing")
	}
	if err != nil {
		w.Fatalf("FAULTS_TIME=%q is no duration such as 10m: %v", text, err)
	}
	return long
}
