package lgtask

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

const (
	// maxInserts is how many insert commands for single tasks are under way at
	// once on a connection. With 32 callers one gave 11,100 tasks/s, two 12,600
	// and three 11,300: more commands have fewer documents, and what costs is
	// the command.
	maxInserts = 2

	// insertTimeout bounds an insert if the caller's context has no deadline. It
	// is long enough for the election of a new primary.
	insertTimeout = 60 * time.Second
)

// coalescer inserts the documents of concurrent calls together: while maxInserts
// commands are under way documents queue, and the next command takes all of them.
// A document that finds fewer under way is sent at once.
//
// Each caller gets the outcome of its own document, whatever becomes of the
// others. A caller that gives up takes its document back if it was not sent. A
// command goes on as long as one of its callers waits for it, and ends, with its
// goroutine, when the last gives up.
type coalescer struct {
	insert func(context.Context, []tasks.Doc) []error // see tasks.Store.InsertDocs
	limit  int                                        // of commands under way

	mu       sync.Mutex
	underWay int
	queue    []*waiter // not empty only while limit commands are under way
}

// waiter is a call whose document goes with those of others.
type waiter struct {
	ctx     context.Context // the caller's, with a deadline
	doc     tasks.Doc
	outcome chan error // holds the one that comes

	sent *shipment // nil while the document is in the queue; under coalescer.mu
}

// shipment is a command with the documents of several callers.
type shipment struct {
	ctx     context.Context
	cancel  context.CancelFunc
	waiters []*waiter
	staying int // of the waiters; under coalescer.mu
}

// do inserts a document. It returns the outcome, or, if ctx ends first, an error
// that wraps ctx.Err(): *ErrUnknownOutcome if the document had been sent.
func (c *coalescer) do(ctx context.Context, doc tasks.Doc) error {
	ctx, cancel := withInsertTimeout(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return notSent(ctx)
	}
	c.mu.Lock()
	if c.underWay < c.limit {
		c.underWay++
		c.mu.Unlock()
		defer c.finished()
		return insertError(ctx, doc.ID, errorOf(c.insert(ctx, []tasks.Doc{doc}), 0))
	}
	w := &waiter{ctx: ctx, doc: doc, outcome: make(chan error, 1)}
	c.queue = append(c.queue, w)
	c.mu.Unlock()
	select {
	case err := <-w.outcome:
		return insertError(ctx, doc.ID, err)
	case <-ctx.Done():
		return c.leave(w)
	}
}

// finished is called when a command has ended: if documents wait, the next is
// sent in its place, and so on until none waits.
func (c *coalescer) finished() {
	s := c.next()
	if s == nil {
		return
	}
	go func() {
		for ; s != nil; s = c.next() {
			c.send(s)
			// Callers that enqueue one task after the other go on first, so
			// that their next documents travel with this command. With 32 of
			// them groups were twice as large, at 15 % less CPU time a task.
			runtime.Gosched()
		}
	}()
}

// next takes what the next command can hold, in the place of one that has ended.
func (c *coalescer) next() *shipment {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = slices.DeleteFunc(c.queue, func(w *waiter) bool { return w.ctx.Err() != nil }) // they give up by themselves
	if len(c.queue) == 0 {
		c.underWay--
		return nil
	}
	n, size := 0, 0
	for ; n < len(c.queue) && n < tasks.MaxInsertDocs; n++ {
		if size += c.queue[n].doc.Size(); size > tasks.MaxInsertBytes && n > 0 {
			break
		}
	}
	s := &shipment{waiters: slices.Clone(c.queue[:n]), staying: n}
	s.ctx, s.cancel = context.WithDeadline(context.Background(), latestDeadline(s.waiters))
	c.queue = slices.Delete(c.queue, 0, n)
	for _, w := range s.waiters {
		w.sent = s
	}
	return s
}

// latestDeadline is when the most patient caller gives up.
func latestDeadline(ws []*waiter) time.Time {
	var latest time.Time
	for _, w := range ws {
		if d, ok := w.ctx.Deadline(); ok && d.After(latest) {
			latest = d
		}
	}
	return latest
}

func (c *coalescer) send(s *shipment) {
	defer s.cancel()
	docs := make([]tasks.Doc, len(s.waiters))
	for i, w := range s.waiters {
		docs[i] = w.doc
	}
	errs := c.insert(s.ctx, docs)
	for i, w := range s.waiters {
		w.outcome <- errorOf(errs, i)
	}
}

// leave is called by a waiter whose context has ended.
func (c *coalescer) leave(w *waiter) error {
	c.mu.Lock()
	s := w.sent
	if s == nil {
		c.queue = slices.DeleteFunc(c.queue, func(q *waiter) bool { return q == w })
		c.mu.Unlock()
		return notSent(w.ctx)
	}
	s.staying--
	last := s.staying == 0
	c.mu.Unlock()
	if last {
		// Nobody waits for the command any more. Its end is near, and may
		// bring a good outcome yet.
		s.cancel()
		return insertError(w.ctx, w.doc.ID, <-w.outcome)
	}
	select {
	case err := <-w.outcome:
		return insertError(w.ctx, w.doc.ID, err)
	default:
		return &ErrUnknownOutcome{ID: w.doc.ID, Err: w.ctx.Err()}
	}
}

func errorOf(errs []error, i int) error {
	if errs == nil {
		return nil
	}
	return errs[i]
}

// withInsertTimeout gives a context without a deadline one. With a deadline the
// driver repeats an insert whose outcome it does not know until then, else only
// once.
func withInsertTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, insertTimeout)
}

func notSent(ctx context.Context) error { return fmt.Errorf("the task was not created: %w", ctx.Err()) }

// insertError gives the error of an insert its type. ctx is the caller's: if it has
// ended, the error says so.
func insertError(ctx context.Context, id TaskID, err error) error {
	if err == nil || !tasks.OutcomeUnknown(err) {
		return err
	}
	switch cause := ctx.Err(); {
	case cause != nil:
		err = cause // the driver's text says the same at length
	case mongo.IsTimeout(err) && !errors.Is(err, context.DeadlineExceeded):
		// The server gives up a little earlier than ctx, and the driver has
		// other words for it.
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return &ErrUnknownOutcome{ID: id, Err: err}
}
