// Package model is a task database in memory: tasks.Store, as far as the dispatcher
// and the signs of life of processes see it, statement by statement. Its clock is
// time.Now, which is virtual in a bubble of testing/synctest. TestClaims and
// TestProcesses run the same cases against it and against the real store, so that
// the two cannot drift apart.
//
// It is for tests of what MongoDB does seldom. A [Store] is one client's way to the
// [Database]; each of its statements passes through a [Sender], which may delay it,
// refuse it, lose its reply, or carry it out when nobody waits for it any more. A method
// that takes several statements of the real store takes as many here.
//
// What a statement writes is at first only in the primary's journal. Commit says how
// far a majority has it; only that is seen by those who Follow. FailOver takes back
// what no majority has, as a new primary does. So a statement that writes may be
// answered when the position that it returned is committed, and not before.
package model

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Position is a place in the journal: after so many writes.
type Position uint64

// Statement is one command of a client.
type Statement struct {
	Op     string // the method that sends it
	Writes bool
	// Run carries it out, as often as it is called. It returns the position that a
	// majority must have before a statement that writes may be answered.
	Run func() Position
}

// Sender carries a statement to the database and its reply back. After nil the method
// that sent it uses what the first run found.
type Sender func(ctx context.Context, st Statement) error

// Change is a document before and after a write; one of the two is nil if the
// document was not there. Documents are replaced, and must not be changed.
type Change struct {
	Op                    string // the method that wrote
	At                    time.Time
	Position              Position
	Before, After         *tasks.Task
	WasProcess, IsProcess *tasks.Process
}

// Database holds the documents. It is safe for concurrent use.
type Database struct {
	mu        sync.Mutex
	tasks     map[tasks.ID]*tasks.Task // as the primary has them, as all below
	ids       []tasks.ID               // in the order of insertion, those that are gone among them
	place     map[tasks.ID]int         // of each in ids
	processes map[string]*tasks.Process
	epochs    []string          // of processes, in the order of their arrival
	locks     map[string]string // names, and the epochs that have them
	journal   []entry           // what no majority is known to have, in order
	written   Position
	op        string // the statement that is being carried out
	followers []func(Change)
	problems  []string
}

type entry struct {
	at     Position
	change Change
	undo   func()
}

// New returns an empty database.
func New() *Database {
	return &Database{tasks: map[tasks.ID]*tasks.Task{}, place: map[tasks.ID]int{}, processes: map[string]*tasks.Process{}, locks: map[string]string{}}
}

// Store is a client's way to a database.
type Store struct {
	*Database
	send Sender
}

// Client returns a way to the database. Without a Sender statements are carried out
// at once, and committed.
func (db *Database) Client(send Sender) *Store {
	if send == nil {
		send = db.atOnce
	}
	return &Store{db, send}
}

func (db *Database) atOnce(ctx context.Context, st Statement) error {
	if ctx.Err() != nil {
		return fmt.Errorf("model: %w", context.Cause(ctx))
	}
	if at := st.Run(); st.Writes {
		db.Commit(at)
	}
	return nil
}

// statement sends one and returns what its first run found.
func statement[T any](ctx context.Context, s *Store, op string, writes bool, f func() T) (T, error) {
	var found *T
	err := s.send(ctx, Statement{op, writes, func() Position {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.op = op
		if t := f(); found == nil {
			found = &t
		}
		return s.written // what changed nothing waits for what was written before it
	}})
	if err != nil {
		var nothing T
		return nothing, err
	}
	return *found, nil
}

func read[T any](ctx context.Context, s *Store, op string, f func() T) (T, error) {
	return statement(ctx, s, op, false, f)
}

func write[T any](ctx context.Context, s *Store, op string, f func() T) (T, error) {
	return statement(ctx, s, op, true, f)
}

// now has the resolution of a BSON date.
func (db *Database) now() time.Time { return time.Now().Truncate(time.Millisecond) }

func (db *Database) wrote(c Change, undo func()) {
	db.written++
	c.Op, c.At, c.Position = db.op, time.Now(), db.written
	db.journal = append(db.journal, entry{db.written, c, undo})
}

// put replaces a task; nil removes it.
func (db *Database) put(id tasks.ID, t *tasks.Task) {
	before := db.tasks[id]
	if _, known := db.place[id]; !known {
		db.place[id] = len(db.ids)
		db.ids = append(db.ids, id)
	}
	db.tasks[id] = t
	db.wrote(Change{Before: before, After: t}, func() { db.tasks[id] = before })
}

// edit replaces a task by a changed copy.
func (db *Database) edit(t *tasks.Task, change func(*tasks.Task)) {
	after := *t
	change(&after)
	if after.State != t.State && !t.State.Allows(after.State) {
		db.problems = append(db.problems, fmt.Sprintf("task %s moved from %s to %s", t.ID, t.State, after.State))
	}
	db.put(t.ID, &after)
}

func (db *Database) putProcess(epoch string, p *tasks.Process) {
	before, known := db.processes[epoch]
	if !known {
		db.epochs = append(db.epochs, epoch)
	}
	db.processes[epoch] = p
	db.wrote(Change{WasProcess: before, IsProcess: p}, func() { db.processes[epoch] = before })
}

func (db *Database) putLock(name, holder string) {
	before := db.locks[name]
	db.locks[name] = holder
	db.wrote(Change{}, func() { db.locks[name] = before })
}

// all calls f with each task that is there.
func (db *Database) all(f func(*tasks.Task)) {
	for _, id := range db.ids {
		if t := db.tasks[id]; t != nil {
			f(t)
		}
	}
}

func (db *Database) find(ok func(*tasks.Task) bool) *tasks.Task {
	for _, id := range db.ids {
		if t := db.tasks[id]; t != nil && ok(t) {
			return t
		}
	}
	return nil
}
