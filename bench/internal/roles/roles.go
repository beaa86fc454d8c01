// Package roles is what the child processes of the benchmark do: run lgtask
// processors, enqueue at a set pace, or take tasks with nothing but MongoDB.
//
// A role connects before its process counts as ready, so that what is measured
// from then on holds no connecting. Everything of lgtask has its default
// settings; only the folder of the name locks is the benchmark's own.
package roles

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
)

// The roles, as child.Start takes them.
const (
	WorkerRole   = "worker"   // lgtask processors
	ProducerRole = "producer" // enqueues tasks
	FollowerRole = "follower" // raw.Follower
)

// All are the roles for child.Main.
var All = map[string]child.Role{WorkerRole: worker, ProducerRole: producer, FollowerRole: follower}

// Setup says where a child works and as what.
type Setup struct {
	URI   string // of the task database
	Board string // path

	// Of a worker.
	Name       string // base of the processors' names
	Processors int
	Classes    []string
	LockDir    string

	// Of a producer: insert by the driver instead of by lgtask.
	Raw bool
}

// base is what every role has.
type base struct {
	Setup
	board *board.Board
	conn  *lgtask.Connection
}

func open(ctx context.Context, setup json.RawMessage) (*base, error) {
	b := &base{}
	err := json.Unmarshal(setup, &b.Setup)
	if err != nil {
		return nil, err
	}
	if b.board, err = board.Open(b.Board); err != nil {
		return nil, err
	}
	job.NoteOn(b.board)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	b.conn, err = lgtask.Connect(ctx, b.URI)
	return b, err
}

func (b *base) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(b.conn.Close(ctx), b.board.Close())
}
