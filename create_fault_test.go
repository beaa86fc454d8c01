package lgtask

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// faults is a connection to a server of its own, since a server has one set of
// fail points.
type faults struct {
	*testing.T
	conn *Connection
	db   *mongo.Database
	sent chan int // the documents of each insert into tasks that is sent
}

func newFaults(t *testing.T) *faults {
	t.Helper()
	server, err := mongod.Start(t.Context(), mongod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	f := &faults{T: t, sent: make(chan int, 1000)}
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()).SetMonitor(&event.CommandMonitor{Started: f.note}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f.db = client.Database("faults")
	if f.conn, err = New(f.db); err != nil {
		t.Fatal(err)
	}
	if _, err := f.create(t.Context()); err != nil { // makes the collections
		t.Fatal(err)
	}
	<-f.sent
	return f
}

func (f *faults) note(_ context.Context, e *event.CommandStartedEvent) {
	if docs, ok := e.Command.Lookup("documents").ArrayOK(); ok && e.Command.Lookup("insert").StringValue() == "tasks" {
		vs, err := docs.Values()
		if err != nil {
			f.Error(err)
		}
		f.sent <- len(vs)
	}
}

// next lets the next n insert commands fail, or always if n is 0, as data says.
func (f *faults) next(n int, data ...bson.E) {
	f.Helper()
	mode := any("alwaysOn")
	if n > 0 {
		mode = bson.D{{Key: "times", Value: n}}
	}
	f.failPoint(mode, append(bson.D{{Key: "failCommands", Value: bson.A{"insert"}}}, data...))
}

func (f *faults) heal() { f.failPoint("off", bson.D{}) }

func (f *faults) failPoint(mode any, data bson.D) {
	f.Helper()
	err := f.db.Client().Database("admin").RunCommand(context.Background(), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}, {Key: "data", Value: data}}).Err()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *faults) create(ctx context.Context, opts ...TaskOption) (Result, error) {
	return f.conn.CreateTask(ctx, "Mail", nil, opts...)
}

func (f *faults) count() int64 {
	f.Helper()
	n, err := f.conn.CountTasks(context.Background(), TaskFilter{})
	if err != nil {
		f.Fatal(err)
	}
	return n
}

// unknown expects an unknown outcome, and that repeating the call makes sure of
// the task.
func (f *faults) unknown(err error) TaskID {
	f.Helper()
	var unknown *ErrUnknownOutcome
	if !errors.As(err, &unknown) {
		f.Fatalf("the error is %v", err)
	}
	f.heal()
	if r, err := f.create(f.Context(), WithID(unknown.ID)); err != nil || r.ID != unknown.ID {
		f.Errorf("repeated: %+v, %v", r, err)
	}
	return unknown.ID
}

var notConfirmed = bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"}}}

func TestFaultsOfOneInsert(t *testing.T) {
	f := newFaults(t)
	before := f.count()
	expect := func(what string, added int64) {
		t.Helper()
		if n := f.count(); n != before+added {
			t.Errorf("%s: %d tasks more, want %d", what, n-before, added)
		}
		before = f.count()
	}
	f.next(1, notConfirmed)
	_, err := f.create(t.Context())
	f.unknown(err)
	expect("the majority did not confirm", 1)

	f.next(1, bson.E{Key: "closeConnection", Value: true})
	if r, err := f.create(t.Context()); err != nil || !r.Created {
		t.Errorf("the connection broke once: %+v, %v", r, err)
	}
	expect("the connection broke once", 1)

	f.next(0, bson.E{Key: "closeConnection", Value: true})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = f.create(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	f.unknown(err)
	expect("the connection broke again and again", 1)

	f.next(0, bson.E{Key: "errorCode", Value: 13})
	var unknown *ErrUnknownOutcome
	if _, err := f.create(t.Context()); err == nil || errors.As(err, &unknown) {
		t.Errorf("not allowed: %v", err)
	}
	f.heal()
	expect("not allowed", 0)

	f.next(1, bson.E{Key: "errorCode", Value: 11601})
	_, err = f.create(t.Context())
	f.unknown(err)
	expect("stopped by an operator", 1)
}

// A call that is given up while the server works on it has an unknown outcome.
func TestGivingUpALoneInsert(t *testing.T) {
	f := newFaults(t)
	f.next(1, slowly...)
	ctx, cancel := context.WithCancel(t.Context())
	done := f.start(ctx)
	<-f.sent
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	f.unknown(err)
}

// slowly is the fault of a server that takes a second for an insert.
var slowly = bson.D{{Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: 1000}}

// start begins a call and returns where its error will be.
func (f *faults) start(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := f.create(ctx)
		done <- err
	}()
	return done
}

// hold starts the calls that leave no room for another command, and n that queue.
// Their commands are slow, and fail as more says.
func (f *faults) hold(ctx context.Context, n int, more ...bson.E) (first, queued []<-chan error) {
	f.Helper()
	f.next(0, append(more, slowly...)...)
	for range maxInserts {
		first = append(first, f.start(f.Context()))
		<-f.sent
	}
	for range n {
		queued = append(queued, f.start(ctx))
	}
	c := f.conn.inserts
	taskstest.Eventually(f, "the calls to queue", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.queue) == n
	})
	return first, queued
}

// Calls that queue while the server is slow share a command.
func TestASharedInsert(t *testing.T) {
	f := newFaults(t)
	before := f.count()
	first, queued := f.hold(t.Context(), 10)
	for _, done := range append(first, queued...) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := <-f.sent; n != 10 {
		t.Errorf("a command of %d documents, want 10", n)
	}
	if n := f.count() - before; n != maxInserts+10 {
		t.Errorf("%d tasks, want %d", n, maxInserts+10)
	}
}

// What happens to a shared command happens to each of its callers.
func TestASharedInsertThatIsNotConfirmed(t *testing.T) {
	f := newFaults(t)
	before := f.count()
	first, queued := f.hold(t.Context(), 5, notConfirmed)
	var errs []error
	for _, done := range append(first, queued...) {
		errs = append(errs, <-done)
	}
	seen := map[TaskID]bool{}
	for _, err := range errs {
		seen[f.unknown(err)] = true
	}
	if n := f.count() - before; n != maxInserts+5 || len(seen) != maxInserts+5 {
		t.Errorf("%d tasks, %d IDs", n, len(seen))
	}
}

// Who gives up before the command is sent has created nothing.
func TestGivingUpInTheQueue(t *testing.T) {
	f := newFaults(t)
	before := f.count()
	ctx, cancel := context.WithCancel(t.Context())
	first, queued := f.hold(ctx, 5)
	cancel()
	var unknown *ErrUnknownOutcome
	for _, done := range queued {
		if err := <-done; !errors.Is(err, context.Canceled) || errors.As(err, &unknown) {
			t.Errorf("the error is %v", err)
		}
	}
	for _, done := range first {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := f.count() - before; n != maxInserts {
		t.Errorf("%d tasks, want %d", n, maxInserts)
	}
}

// A list whose command fails goes no further, and can be given again.
func TestFaultsOfCreateTasks(t *testing.T) {
	f := newFaults(t)
	before := f.count()
	list := make([]NewTask, 3000)
	for i := range list {
		list[i] = NewTask{Class: "Mail", Options: []TaskOption{WithID(NewTaskID())}}
	}
	f.next(0, notConfirmed)
	results, err := f.conn.CreateTasks(t.Context(), list)
	f.heal()
	var failed *ErrNotAllCreated
	if !errors.As(err, &failed) || failed.Failed != len(list) || failed.First != 0 || failed.Of != len(list) {
		t.Fatalf("the error is %v", err)
	}
	unsure := int64(0)
	for _, r := range results {
		var unknown *ErrUnknownOutcome
		if errors.As(r.Err, &unknown) {
			unsure++
		} else if r.Err == nil {
			t.Errorf("%+v", r)
		}
	}
	if n := f.count() - before; n != unsure || n == 0 || n == int64(len(list)) {
		t.Errorf("%d are there, %d have an unknown outcome", n, unsure)
	}
	results, err = f.conn.CreateTasks(t.Context(), list)
	created := int64(0)
	for _, r := range results {
		if r.Created {
			created++
		}
	}
	if n := f.count() - before; err != nil || n != int64(len(list)) || created != n-unsure {
		t.Errorf("again: %d are there, %d created, %v", n, created, err)
	}
}

// An ID is taken, but by what cannot be read: that is not known to be a failure.
func TestRepeatingWhatCannotBeRead(t *testing.T) {
	f := newFaults(t)
	id := NewTaskID()
	list := []NewTask{{Class: "Mail", Options: []TaskOption{WithID(id)}}}
	if _, err := f.create(t.Context(), WithID(id)); err != nil {
		t.Fatal(err)
	}
	f.failPoint("alwaysOn", bson.D{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: 11601}})
	_, err := f.create(t.Context(), WithID(id))
	_, err2 := f.conn.CreateTasks(t.Context(), list)
	f.heal()
	for _, err := range []error{err, err2} {
		var unknown *ErrUnknownOutcome
		if !errors.As(err, &unknown) || unknown.ID != id {
			t.Errorf("the error is %v", err)
		}
	}
}
