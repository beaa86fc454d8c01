package lgtask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// server is what a coalescer sends its commands to in these tests.
type server struct {
	*coalescer
	commands chan *command
}

// command waits for the test to answer it.
type command struct {
	ctx    context.Context
	docs   []tasks.Doc
	answer chan []error
}

func newServer(limit int) *server {
	s := &server{commands: make(chan *command, 100)}
	s.coalescer = &coalescer{limit: limit, insert: func(ctx context.Context, docs []tasks.Doc) []error {
		c := &command{ctx, docs, make(chan []error, 1)}
		s.commands <- c
		select {
		case errs := <-c.answer:
			return errs
		case <-ctx.Done():
			errs := make([]error, len(docs))
			for i := range errs {
				errs[i] = fmt.Errorf("the driver says: %w", ctx.Err())
			}
			return errs
		}
	}}
	return s
}

// call starts a call and returns where its outcome will be.
func (s *server) call(ctx context.Context, doc tasks.Doc) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.do(ctx, doc) }()
	synctest.Wait()
	return done
}

// calls starts so many calls, one after the other.
func (s *server) calls(ctx context.Context, n int) (docs []tasks.Doc, done []<-chan error) {
	for range n {
		docs = append(docs, tasks.Doc{ID: tasks.NewID()})
		done = append(done, s.call(ctx, docs[len(docs)-1]))
	}
	return docs, done
}

// next returns the command that must be under way by now.
func (s *server) next(t *testing.T) *command {
	t.Helper()
	synctest.Wait()
	select {
	case c := <-s.commands:
		return c
	default:
		t.Fatal("no command was sent")
		return nil
	}
}

func (s *server) nothingSent(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if len(s.commands) > 0 {
		t.Errorf("%d commands were sent", len(s.commands))
	}
}

func outcomeOf(t *testing.T, done <-chan error) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		return err
	default:
		t.Fatal("the call has not returned")
		return nil
	}
}

func sameDocs(a, b []tasks.Doc) bool {
	return slices.EqualFunc(a, b, func(x, y tasks.Doc) bool { return x.ID == y.ID })
}

func TestALoneCallIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(2)
		for range 3 {
			docs, done := s.calls(t.Context(), 1)
			c := s.next(t)
			if !sameDocs(c.docs, docs) {
				t.Errorf("sent %v", c.docs)
			}
			if d, ok := c.ctx.Deadline(); !ok || time.Until(d) != insertTimeout {
				t.Errorf("deadline %v, %v", d, ok)
			}
			c.answer <- nil
			if err := outcomeOf(t, done[0]); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCallsThatWaitShareTheNextCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(2)
		_, first := s.calls(t.Context(), 2)
		one, other := s.next(t), s.next(t)
		docs, done := s.calls(t.Context(), 5)
		s.nothingSent(t)
		one.answer <- nil
		shared := s.next(t)
		if !sameDocs(shared.docs, docs) {
			t.Errorf("sent %v, want %v", shared.docs, docs)
		}
		refused := mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 11000}}}
		shared.answer <- []error{nil, refused, nil, nil, nil}
		for i, d := range done {
			if err := outcomeOf(t, d); mongo.IsDuplicateKeyError(err) != (i == 1) || (err == nil) != (i != 1) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		other.answer <- nil
		for _, d := range first {
			if err := outcomeOf(t, d); err != nil {
				t.Error(err)
			}
		}
		// Everything is as it was at first.
		s.calls(t.Context(), 3)
		s.next(t).answer <- nil
		s.next(t).answer <- nil
		s.next(t).answer <- nil
	})
}

func TestCommandsAreBounded(t *testing.T) {
	store := taskstest.Store(t)
	large, err := bson.Marshal(bson.D{{Key: "x", Value: make([]byte, 1_000_000)}})
	if err != nil {
		t.Fatal(err)
	}
	var docs []tasks.Doc
	for range 10 {
		doc, err := store.Ready(t.Context(), &tasks.Task{TaskClass: "Mail", Kwargs: large})
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newServer(1)
		s.calls(t.Context(), 1)
		first := s.next(t)
		for _, doc := range docs {
			s.call(t.Context(), doc)
		}
		s.calls(t.Context(), tasks.MaxInsertDocs+10)
		first.answer <- nil
		for i, want := range []int{8, tasks.MaxInsertDocs, 12} {
			c := s.next(t)
			if len(c.docs) != want {
				t.Errorf("command %d has %d documents, want %d", i, len(c.docs), want)
			}
			c.answer <- nil
		}
	})
}

func TestACallThatGivesUpBeforeItWasSentIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(1)
		s.calls(t.Context(), 1)
		first := s.next(t)
		ctx, cancel := context.WithCancel(t.Context())
		_, given := s.calls(ctx, 1)
		docs, done := s.calls(t.Context(), 2)
		cancel()
		err := outcomeOf(t, given[0])
		var unknown *ErrUnknownOutcome
		if !errors.Is(err, context.Canceled) || errors.As(err, &unknown) {
			t.Errorf("the error is %v", err)
		}
		if len(s.queue) != 2 {
			t.Errorf("%d in the queue", len(s.queue))
		}
		if err := outcomeOf(t, s.call(ctx, tasks.Doc{})); !errors.Is(err, context.Canceled) || errors.As(err, &unknown) {
			t.Errorf("of an ended context: %v", err)
		}
		first.answer <- nil
		c := s.next(t)
		if !sameDocs(c.docs, docs) {
			t.Errorf("sent %v", c.docs)
		}
		c.answer <- nil
		for _, d := range done {
			if err := outcomeOf(t, d); err != nil {
				t.Error(err)
			}
		}
	})
}

// The context of one caller does not end what others wait for; that of the last
// does, and nothing is left behind then.
func TestCallsThatGiveUpWhileTheyAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(1)
		s.calls(t.Context(), 1)
		first := s.next(t)
		early, stopEarly := context.WithTimeout(t.Context(), time.Second)
		defer stopEarly()
		late, stopLate := context.WithCancel(t.Context())
		defer stopLate()
		docs, done := s.calls(early, 1)
		more, doneLate := s.calls(late, 1)
		first.answer <- nil
		c := s.next(t)
		if d, ok := c.ctx.Deadline(); !ok || time.Until(d) != insertTimeout {
			t.Errorf("deadline %v, %v: want the most patient caller's", d, ok)
		}
		<-early.Done()
		var unknown *ErrUnknownOutcome
		if err := outcomeOf(t, done[0]); !errors.As(err, &unknown) || unknown.ID != docs[0].ID || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if c.ctx.Err() != nil {
			t.Error("the command ended with one of its callers")
		}
		stopLate()
		if err := outcomeOf(t, doneLate[0]); !errors.As(err, &unknown) || unknown.ID != more[0].ID || !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		if c.ctx.Err() == nil {
			t.Error("the command outlives its callers")
		}
	})
}

// Who gives up last still hears of a good outcome.
func TestTheLastCallerGetsTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(1)
		s.insert = func(ctx context.Context, docs []tasks.Doc) []error { <-ctx.Done(); return nil }
		alone, stopFirst := context.WithCancel(t.Context())
		_, first := s.calls(alone, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, done := s.calls(ctx, 2)
		stopFirst()
		if err := outcomeOf(t, first[0]); err != nil {
			t.Error(err)
		}
		cancel()
		known := 0
		for _, d := range done {
			if outcomeOf(t, d) == nil {
				known++
			}
		}
		if known == 0 {
			t.Error("nobody heard of the outcome")
		}
	})
}

func TestInsertErrorNamesTheTimeout(t *testing.T) {
	id := tasks.NewID()
	err := insertError(t.Context(), id, mongo.CommandError{Code: 50, Name: "MaxTimeMSExpired", Message: "operation exceeded time limit"})
	var unknown *ErrUnknownOutcome
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &unknown) || unknown.ID != id {
		t.Errorf("the error is %v", err)
	}
	if err := insertError(t.Context(), id, mongo.CommandError{Code: 13, Name: "Unauthorized"}); errors.As(err, &unknown) && err != nil {
		t.Errorf("the error is %v", err)
	}
	if err := insertError(t.Context(), id, nil); err != nil {
		t.Error(err)
	}
}
