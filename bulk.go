package lgtask

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

// NewTask is one of the tasks of CreateTasks.
type NewTask struct {
	// Class is the task class. Empty means that Kwargs is a task value, whose
	// type is the class.
	Class string
	// Kwargs are the task's, as CreateTask takes them.
	Kwargs any
	// When is the time at which the task is due. The zero value is now.
	When When
	// Options are those that CreateTask takes.
	Options []TaskOption
}

// class returns the task class. That of kwargs which are no task value is empty,
// and refused.
func (n *NewTask) class() string {
	if n.Class != "" {
		return n.Class
	}
	v := reflect.Indirect(reflect.ValueOf(n.Kwargs))
	if _, named := n.Kwargs.(Classer); named || v.Kind() == reflect.Struct {
		return classOf(n.Kwargs)
	}
	return ""
}

// CreateResult says what became of one of the tasks of CreateTasks.
type CreateResult struct {
	Result
	// Err is nil if the task is there, else an error as CreateTask returns it.
	Err error
}

// ErrNotAllCreated is returned by CreateTasks if the error of any task is not
// nil. Unwrap returns that of the first, in the order in which they were given.
type ErrNotAllCreated struct {
	Failed, Of int // how many failed, of how many
	First      int // the index of the first that failed
	Err        error
}

// Error implements error.
func (e *ErrNotAllCreated) Error() string {
	return fmt.Sprintf("%d of %d tasks failed; the first is number %d, counted from 0: %v", e.Failed, e.Of, e.First, e.Err)
}

// Unwrap returns the error of the first task that failed.
func (e *ErrNotAllCreated) Unwrap() error { return e.Err }

// bulkInserts is how many insert commands of one CreateTasks are under way at
// once: while the server works on one, the next is encoded and sent.
const bulkInserts = 2

// CreateTasks is CreateTask and DelayedTask for many tasks, in few commands. It
// returns a result for each, in the order given. A task that is refused does not
// stop the others; if a command fails as a whole, what was not sent yet is not
// sent. If any task failed, the error is *ErrNotAllCreated. After an unknown
// outcome a list whose tasks have IDs, by WithID, can be given again.
//
// In a transaction it is all or nothing: a task that is refused before anything
// is sent leaves the transaction as it was, with no task of the list; what the
// server refuses aborts it.
func (c *Connection) CreateTasks(ctx context.Context, list []NewTask) ([]CreateResult, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	b := &bulk{conn: c, results: make([]CreateResult, len(list))}
	if tasks.InTransaction(ctx) {
		return b.results, b.inTransaction(ctx, list)
	}
	b.run(ctx, list)
	return b.results, b.failure()
}

// bulk is one call of CreateTasks.
type bulk struct {
	conn    *Connection
	results []CreateResult // each is written once

	mu      sync.Mutex
	stopped error // why the rest is not sent, if so
}

// bulkItem is a task that is ready to be sent.
type bulkItem struct {
	index int
	readyTask
}

// errOthersRefused is the error of a task that has nothing wrong with it.
var errOthersRefused = errors.New("the task was not created, since others of the list were refused")

// run sends commands as they fill up.
func (b *bulk) run(ctx context.Context, list []NewTask) {
	limit := bulkInserts
	if mongo.SessionFromContext(ctx) != nil {
		limit = 1 // a session is not for concurrent use
	}
	free := make(chan struct{}, limit)
	var wg sync.WaitGroup
	defer wg.Wait()
	var group bulkGroup
	send := func() {
		full := group.items
		group = bulkGroup{}
		free <- struct{}{}
		wg.Go(func() { b.send(ctx, full); <-free })
	}
	for i := range list {
		item, ok := b.item(ctx, i, &list[i])
		if !ok {
			continue
		}
		if group.isFullFor(item) {
			send()
		}
		group.add(item)
	}
	if len(group.items) > 0 {
		send()
	}
}

// bulkGroup is what one command holds.
type bulkGroup struct {
	items []bulkItem
	size  int // in bytes
}

func (g *bulkGroup) isFullFor(item bulkItem) bool {
	return len(g.items) > 0 && (len(g.items) == tasks.MaxInsertDocs || g.size+item.doc.Size() > tasks.MaxInsertBytes)
}

func (g *bulkGroup) add(item bulkItem) {
	g.items, g.size = append(g.items, item), g.size+item.doc.Size()
}

// item makes the task of an index ready, or sets its error.
func (b *bulk) item(ctx context.Context, i int, n *NewTask) (bulkItem, bool) {
	err := b.halted(ctx)
	var t readyTask
	if err == nil {
		t, err = b.conn.ready(ctx, n.When, n.class(), n.Kwargs, n.Options)
	}
	if !t.repeatable {
		t.task = nil // the document is enough: a list can be long
	}
	b.results[i].Err = err
	return bulkItem{i, t}, err == nil
}

// send inserts the tasks of a group with one command.
func (b *bulk) send(ctx context.Context, items []bulkItem) {
	if err := b.halted(ctx); err != nil {
		b.fail(items, err)
		return
	}
	sending, cancel := withInsertTimeout(ctx)
	defer cancel()
	errs := b.conn.store.InsertDocs(sending, docsOf(items))
	var taken []bulkItem
	for k, item := range items {
		err := errorOf(errs, k)
		switch {
		case err == nil:
			b.results[item.index].Result = Result{ID: item.doc.ID, Created: true}
		case idTaken(err) && item.repeatable:
			taken = append(taken, item)
		default:
			b.stopAfter(err)
			b.results[item.index].Err = insertError(sending, item.doc.ID, err)
		}
	}
	b.compare(ctx, taken)
}

// stopAfter keeps the rest from being sent if err is not about one document.
func (b *bulk) stopAfter(err error) {
	var refused mongo.WriteException
	if errors.As(err, &refused) && refused.WriteConcernError == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = err
}

// halted says why nothing more is to be sent, if so.
func (b *bulk) halted(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return notSent(ctx)
	case b.stopped != nil:
		return fmt.Errorf("the task was not created, since an earlier command failed: %w", b.stopped)
	}
	return nil
}

func idsOf(items []bulkItem) []TaskID {
	ids := make([]TaskID, len(items))
	for i, item := range items {
		ids[i] = item.doc.ID
	}
	return ids
}

func docsOf(items []bulkItem) []tasks.Doc {
	docs := make([]tasks.Doc, len(items))
	for i, item := range items {
		docs[i] = item.doc
	}
	return docs
}

// fail sets an error that several tasks share.
func (b *bulk) fail(items []bulkItem, err error) {
	for _, item := range items {
		b.results[item.index] = CreateResult{Err: err}
	}
}

// failure is the error of the whole call.
func (b *bulk) failure() error {
	var e *ErrNotAllCreated
	for i, r := range b.results {
		switch {
		case r.Err == nil:
		case e == nil:
			e = &ErrNotAllCreated{Failed: 1, Of: len(b.results), First: i, Err: r.Err}
		default:
			e.Failed++
		}
	}
	if e == nil {
		return nil
	}
	return e
}
