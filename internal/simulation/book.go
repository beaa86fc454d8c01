package simulation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// lease is how long others watch a process before they take it for dead.
const lease = 30 * time.Second

// claimOf is a claim of one task.
type claimOf struct {
	id    tasks.ID
	token bson.ObjectID
}

// run is one call of a handler.
type run struct {
	n         int
	p         *process
	claim     claimOf
	class     string
	key       string
	processor string
	holder    string
	ctx       context.Context
	dice      *dice
	stubborn  bool           // it does not heed the end of its context
	going     bool           // the handler has not returned, and its process was not killed
	end       *tasks.Outcome // what it returned
	recorded  *tasks.Outcome // what its process was told is recorded
}

// book is the record of what happened, and compares it with what was promised.
type book struct {
	w *world

	mu       sync.Mutex
	runs     []*run
	of       map[tasks.ID][]*run
	by       map[claimOf]*run
	pids     map[string]*process  // by epoch
	signs    map[string]time.Time // the last sign of life, by epoch
	tombs    map[string]bool      // epochs that have, or had, a tombstone
	rescued  map[string]bool      // epochs whose tasks were, or may have been, taken from them
	claims   map[claimOf][]model.Change
	killed   map[tasks.ID]time.Time // when somebody was told that it is
	inserted []tasks.ID             // acknowledged
	broken   []string               // promises
}

func newBook(w *world) *book {
	return &book{
		w: w, of: map[tasks.ID][]*run{}, by: map[claimOf]*run{}, pids: map[string]*process{}, signs: map[string]time.Time{},
		tombs: map[string]bool{}, rescued: map[string]bool{}, claims: map[claimOf][]model.Change{}, killed: map[tasks.ID]time.Time{},
	}
}

// blame notes a broken promise.
func (b *book) blame(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blameLocked(format, args...)
}

func (b *book) blameLocked(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.broken = append(b.broken, fmt.Sprintf("%v %s", b.w.now(), text))
	b.w.note("BROKEN: %s", text)
}

// follow is told of all that a majority has.
func (b *book) follow(c model.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case c.IsProcess != nil:
		b.followProcessLocked(c)
	case c.After != nil && c.After.State == tasks.Working:
		at := claimOf{c.After.ID, c.After.Claim.Token}
		b.claims[at] = append(b.claims[at], c)
	case c.Op == "Rescue" && c.Before != nil:
		b.followRescueLocked(c)
	}
}

func (b *book) followProcessLocked(c model.Change) {
	was, is := c.WasProcess, c.IsProcess
	if was == nil || was.Beats != is.Beats {
		b.signs[is.Epoch] = c.At
	}
	p := b.w.process(is.PID)
	b.pids[is.Epoch] = p
	if !is.Dead || was != nil && was.Dead {
		return
	}
	b.tombs[is.Epoch], b.rescued[is.Epoch] = true, true
	silent := c.At.Sub(b.signs[is.Epoch])
	b.w.note("process %d is buried after %v of silence", p.id, silent)
	b.w.met(burials)
	if !p.isDead() {
		b.w.met(buried)
	}
	switch {
	case p.isDead():
	case p.life.Epoch() != is.Epoch: // it was buried before, and a copy of its arrival was late
	case silent < lease:
		b.blameLocked("process %d was buried alive %v after a sign of life", p.id, silent)
	case !p.inTrouble(b.signs[is.Epoch]):
		b.blameLocked("process %d was buried though it was alive and connected, %v after a sign of life", p.id, silent)
	}
}

func (b *book) followRescueLocked(c model.Change) {
	holder := c.Before.Holder
	b.rescued[holder] = true
	if p := b.pids[holder]; p != nil && !p.isDead() && !b.tombs[holder] {
		b.blameLocked("task %s was taken from process %d, which nobody had buried", c.Before.ID, p.id)
	}
}

// died is told that a process is no more.
func (b *book) died(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runs {
		if r.p == p {
			r.going = false
		}
	}
}

// acknowledged is told what a process knows to be recorded.
func (b *book) acknowledged(h tasks.Held, o tasks.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.by[claimOf{h.ID, h.Token}]; r != nil {
		r.recorded = &o
		b.w.note("run %d of task %s is recorded: %s", r.n, h.ID, o.State)
	}
}

// disowned is told of a task that a process gave back since it did not know of it. It
// may only have been claimed by a copy that was late.
func (b *book) disowned(p *process, h tasks.Held) {
	b.mu.Lock()
	claims := b.claims[claimOf{h.ID, h.Token}]
	b.mu.Unlock()
	b.w.note("process %d gives back task %s, which it did not know of", p.id, h.ID)
	b.w.met(unknowns)
	for _, c := range claims {
		if b.w.server.wasLate(c.Position) {
			return
		}
	}
	b.blame("process %d had forgotten task %s", p.id, h.ID)
}

// wasKilled is told that somebody knows a task to be asked to stop.
func (b *book) wasKilled(id tasks.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.killed[id] = time.Now()
}

// wasInserted is told that somebody knows a task to be there.
func (b *book) wasInserted(id tasks.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inserted = append(b.inserted, id)
}

// end notes what a handler returns.
func (b *book) end(r *run, o tasks.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.going {
		r.going, r.end = false, &o
		b.w.note("run %d of task %s in process %d returns %s", r.n, r.claim.id, r.p.id, o.State)
	}
}
