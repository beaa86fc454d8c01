//go:build faults && unix

package database

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lgtask/lgtask"
)

// Work is the class of the tasks: it takes a while, and its book tells that it ran.
type Work struct {
	N     int
	Takes int64 // milliseconds
	Logs  bool  // a line each tenth of a second
}

// Run implements lgtask.Runner.
func (k *Work) Run(ctx context.Context, t *lgtask.TaskContext) error {
	found, ok := books.Load(t.Connection().Database().Name())
	if !ok {
		return errors.New("the test is over")
	}
	b := found.(*book)
	r := b.began(t, k.N)
	over := time.Now().Add(time.Duration(k.Takes) * time.Millisecond)
	for k.Logs && time.Until(over) > 0 && ctx.Err() == nil {
		t.Logf("%v to go", time.Until(over))
		if wait(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	err := wait(ctx, time.Until(over))
	b.ended(r, err)
	return err
}

// run is one run of a handler.
type run struct {
	id         lgtask.TaskID
	n          int
	name       string
	processor  string
	from, till time.Time // till is zero while it runs
	err        error
}

// book is what is known of tasks without asking the database: which enqueues were
// acknowledged, and what ran.
type book struct {
	mu       sync.Mutex
	acked    map[lgtask.TaskID]time.Time
	runs     []*run
	unknown  int // outcomes of enqueues
	refused  int // enqueues
	changed  chan struct{}
	producer sync.WaitGroup
}

func newBook() *book {
	return &book{acked: map[lgtask.TaskID]time.Time{}, changed: make(chan struct{})}
}

func (b *book) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *book) began(t *lgtask.TaskContext, n int) *run {
	r := &run{id: t.ID(), n: n, name: t.TaskName(), processor: t.Processor(), from: time.Now()}
	b.change(func() { b.runs = append(b.runs, r) })
	return r
}

func (b *book) ended(r *run, err error) { b.change(func() { r.till, r.err = time.Now(), err }) }

// until waits until ok, which is called with the book locked, holds.
func (b *book) until(ctx context.Context, ok func() bool) error {
	for {
		b.mu.Lock()
		done, changed := ok(), b.changed
		b.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ran returns the runs of a task.
func (b *book) ran(id lgtask.TaskID) (rs []run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runs {
		if r.id == id {
			rs = append(rs, *r)
		}
	}
	return rs
}

// named counts the runs of a name.
func (b *book) named(name string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runs {
		if r.name == name {
			n++
		}
	}
	return n
}

// count counts the runs.
func (b *book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.runs)
}

// begins waits until a task has begun, and returns its first run.
func (w *world) begins(id lgtask.TaskID, most time.Duration) run {
	w.Helper()
	var first run
	err := w.book.until(w.within(most), func() bool {
		for _, r := range w.book.runs {
			if r.id == id {
				first = *r
				return true
			}
		}
		return false
	})
	if err != nil {
		w.Fatalf("task %s has not begun %v later", id, most)
	}
	return first
}
