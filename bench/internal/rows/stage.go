package rows

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/roles"
)

// stage is where one side of a round happens: a task database of its own, a
// board, and the processes that work there.
type stage struct {
	e     *Env
	uri   string
	path  string // of the board
	board *board.Board
	conn  *lgtask.Connection
	tasks *mongo.Collection
	cast  []*child.Child
}

// stage sets up a database with the collections, validator and indexes of lgtask,
// and a board of n slots.
func (e *Env) stage(ctx context.Context, n int) (*stage, error) {
	u, err := url.Parse(e.URI)
	if err != nil {
		return nil, err
	}
	u.Path = "/bench_" + bson.NewObjectID().Hex() // no other process uses it
	s := &stage{e: e, uri: u.String(), path: e.boardPath()}
	if s.board, err = board.Create(s.path, n); err != nil {
		return nil, err
	}
	if s.conn, err = lgtask.Connect(ctx, s.uri); err != nil {
		return nil, errors.Join(err, s.board.Close())
	}
	s.tasks = raw.Tasks(s.conn.Database())
	return s, nil
}

// close ends the processes and drops the database. It returns err, what happened
// on the stage, joined with what went wrong here.
func (s *stage) close(err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(err, closeAll(s.cast), s.conn.Database().Drop(ctx), s.conn.Close(ctx), s.board.Close(), os.Remove(s.path))
}

// on runs f on a stage of n slots.
func (e *Env) on(ctx context.Context, n int, f func(s *stage) error) error {
	s, err := e.stage(ctx, n)
	if err != nil {
		return err
	}
	return s.close(f(s))
}

// hire starts a process in a role; it ends with the stage.
func (s *stage) hire(ctx context.Context, role string, setup roles.Setup) (*child.Child, error) {
	setup.URI, setup.Board = s.uri, s.path
	c, err := child.Start(ctx, role, setup)
	if err == nil {
		s.cast = append(s.cast, c)
	}
	return c, err
}

// started waits until n tasks have started. It fails when none has for a while.
func (s *stage) started(ctx context.Context, n int) error {
	return s.wait(ctx, func(context.Context) (bool, int64, error) {
		have := s.board.Total()
		return have >= int64(n), have, nil
	}, func(have int64) string { return fmt.Sprintf("%d of %d tasks have started", have, n) })
}

const (
	stall = 20 * time.Second // without progress, and a wait has failed
	look  = time.Millisecond // from one look to the next
)

// wait calls probe until that is done. It fails when there was no progress for a
// while; state then tells what there is.
func (s *stage) wait(ctx context.Context, probe func(context.Context) (done bool, have int64, err error), state func(have int64) string) error {
	var last int64
	tick := time.NewTicker(look)
	defer tick.Stop()
	for since := time.Now(); ; {
		done, have, err := probe(ctx)
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case have != last:
			last, since = have, time.Now()
		case time.Since(since) > stall:
			return fmt.Errorf("no progress for %v: %s", stall, state(have))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), state(have))
		}
	}
}
