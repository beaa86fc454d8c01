package lgtask

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/kwargs"
	"github.com/lgtask/lgtask/tasks"
)

// DefaultDatabase is the task database of an address without one.
const DefaultDatabase = "lgtask"

// Connection enqueues tasks and reads them. It is safe for concurrent use.
type Connection struct {
	store   *tasks.Store
	inserts *coalescer
	binder  *kwargs.Binder
	owned   *mongo.Client

	local atomic.Pointer[engine] // of a processor that uses this connection, see handOff

	mu       sync.Mutex
	prepared bool
}

// ConnOption is an option of Connect and New.
type ConnOption func(*connOptions)

type connOptions struct {
	prefix    string
	retention tasks.Retention
	hosts     []string
	bindings  []kwargs.Binding
	uri       string
}

// WithPrefix puts a text before the names of all collections, so that lgtask can
// share a database with another program's "tasks". Default: none.
func WithPrefix(prefix string) ConnOption { return func(o *connOptions) { o.prefix = prefix } }

// WithMongoHosts allows kwargs to name these MongoDB hosts beside the task
// database's own: "host", "host:port", or full addresses with the credentials to
// use.
func WithMongoHosts(hosts ...string) ConnOption { return func(o *connOptions) { o.hosts = hosts } }

// WithBinding adds, replaces or switches off a conversion of kwargs; see
// kwargs.Binding.
func WithBinding(b kwargs.Binding) ConnOption {
	return func(o *connOptions) { o.bindings = append(o.bindings, b) }
}

// WithRetention sets how long finished tasks and their logs are kept. Default:
// 1 day after success, 7 days after error and abortion.
func WithRetention(r Retention) ConnOption {
	return func(o *connOptions) { o.retention = tasks.Retention(r) }
}

// Connect connects to the task database at the given mongodb:// address, or at
// LGTASK_DATABASE if it is empty, and creates the collections and indexes that
// are missing. The database is that of the path, or "lgtask". Close ends the
// connection. Errors: ErrUnreachable with the reason and the remedy, within 5 s;
// *tasks.ForeignError. No error shows a password.
func Connect(ctx context.Context, uri string, opts ...ConnOption) (*Connection, error) {
	if uri == "" {
		uri = os.Getenv("LGTASK_DATABASE")
	}
	if uri == "" {
		return nil, fmt.Errorf("%w: no address; pass mongodb://host/database or set LGTASK_DATABASE", ErrUnreachable)
	}
	u, err := mongouri.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err := lookUp(ctx, u); err != nil {
		return nil, err
	}
	client, err := openClient(u)
	if err != nil {
		return nil, err
	}
	c, err := connectWith(ctx, client, u, opts)
	if err != nil {
		closeClient(client)
		return nil, err
	}
	c.owned = client
	return c, nil
}

func connectWith(ctx context.Context, client *mongo.Client, u *mongouri.URI, opts []ConnOption) (*Connection, error) {
	if err := checkServer(ctx, client); err != nil {
		return nil, err
	}
	name := u.Database()
	if name == "" {
		name = DefaultDatabase
	}
	c, err := newConnection(client.Database(name), slices.Concat(opts, []ConnOption{func(o *connOptions) { o.uri = u.Driver() }}))
	if err != nil {
		return nil, err
	}
	return c, c.prepare(ctx)
}

// lookUp asks for the SRV record of a mongodb+srv:// address. The driver does the
// same, but without a limit: a name server that does not answer held it 20 s.
func lookUp(ctx context.Context, u *mongouri.URI) error {
	if !u.SRV() || u.Options().Has("srvServiceName") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	host, _, _ := strings.Cut(u.Hosts()[0], ":")
	if _, _, err := net.DefaultResolver.LookupSRV(ctx, "mongodb", "tcp", host); err != nil {
		return fmt.Errorf("%w: the servers of %s cannot be looked up (%w): check the name, or name the servers in a mongodb:// address", ErrUnreachable, host, err)
	}
	return nil
}

// openClient makes the client of a task database. Its timeouts bound how long a
// dead connection goes unnoticed; there is no client-wide timeout, which would
// end an idle change stream.
func openClient(u *mongouri.URI) (*mongo.Client, error) {
	o := options.Client().ApplyURI(u.ForTasks().Driver()).
		SetConnectTimeout(5 * time.Second).SetHeartbeatInterval(5 * time.Second).
		SetServerSelectionTimeout(5 * time.Second).SetAppName("lgtask")
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, mongouri.RedactError(err))
	}
	return client, nil
}

func closeClient(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// Disconnect only fails if it was called before or took too long; there is
	// nothing to lose: every write has been acknowledged by now.
	_ = client.Disconnect(ctx)
}

// New returns a connection on a database of the caller's own client, so that
// enqueueing can take part in the caller's transactions: pass the context of the
// session. The first call creates the collections and indexes that are missing.
// A client does not tell its address: call Bind if kwargs are to hold handles of
// it.
func New(db *mongo.Database, opts ...ConnOption) (*Connection, error) {
	return newConnection(db, opts)
}

func newConnection(db *mongo.Database, opts []ConnOption) (*Connection, error) {
	var o connOptions
	for _, f := range opts {
		f(&o)
	}
	b, err := kwargs.NewBinder(kwargs.Options{Own: db.Client(), OwnURI: o.uri, Hosts: o.hosts, Bindings: o.bindings})
	if err != nil {
		return nil, err
	}
	store := tasks.NewStore(db, tasks.Options{Prefix: o.prefix, Retention: o.retention})
	return &Connection{
		store:   store,
		inserts: &coalescer{insert: store.InsertDocs, limit: maxInserts},
		binder:  b,
	}, nil
}

// Database returns the task database.
func (c *Connection) Database() *mongo.Database { return c.store.Database() }

// Bind tells the address of a client that the caller made, so that its handles
// can be kwargs. Credentials in it never reach a document.
func (c *Connection) Bind(client *mongo.Client, uri string) error { return c.binder.Bind(client, uri) }

// Close disconnects what Connect and parameter magic opened. The client of a
// connection made by New stays open.
func (c *Connection) Close(ctx context.Context) error {
	err := c.binder.Close(ctx)
	if c.owned != nil {
		if e := c.owned.Disconnect(ctx); err == nil {
			err = e
		}
	}
	return err
}

// prepare creates collections and indexes once. Without the unique indexes no
// promise about names holds, so each call makes sure first.
func (c *Connection) prepare(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prepared {
		return nil
	}
	// Not part of the caller's transaction, if there is one.
	if err := c.store.Prepare(mongo.NewSessionContext(ctx, nil)); err != nil {
		return err
	}
	c.prepared = true
	return nil
}

// Task returns a task, or ErrNotFound.
func (c *Connection) Task(ctx context.Context, id TaskID) (Task, error) { return c.store.Get(ctx, id) }

// Tasks returns the tasks that match, newest first, 100 unless the filter says
// otherwise.
func (c *Connection) Tasks(ctx context.Context, f TaskFilter) ([]Task, error) {
	ts, err := c.store.Find(ctx, f)
	return ts, callError(err)
}

// CountTasks returns how many tasks match.
func (c *Connection) CountTasks(ctx context.Context, f TaskFilter) (int64, error) {
	n, err := c.store.Count(ctx, f)
	return n, callError(err)
}

// Logs returns what the attempts of a task logged, the first attempt first.
func (c *Connection) Logs(ctx context.Context, id TaskID) ([]TaskLog, error) {
	return c.store.Logs(ctx, id)
}

// Schedules returns all interval and cron tasks.
func (c *Connection) Schedules(ctx context.Context) ([]Schedule, error) {
	return c.store.Schedules(ctx, nil)
}
