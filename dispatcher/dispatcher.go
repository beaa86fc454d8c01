package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/sourcegraph/conc/pool"

	"github.com/lgtask/lgtask/tasks"
)

// ErrStopping is the cause of a handler's context when the processor stops.
var ErrStopping = errors.New("the processor is stopping")

// ErrKilled is the cause of a handler's context when somebody asked for its task
// to be stopped.
var ErrKilled = errors.New("the task was killed")

// StuckError is returned by Run for handlers that did not end when they were
// told to. Their tasks stay claimed.
type StuckError struct{ Tasks []tasks.ID }

// Error implements error.
func (e *StuckError) Error() string {
	return fmt.Sprintf("%d handlers ignored the end of their context, among them that of task %s", len(e.Tasks), e.Tasks[0])
}

// Claims is the database, as the dispatcher needs it. Candidates, Claim and
// ClaimMany are called from Run's goroutine only, Finish from many.
type Claims interface {
	Candidates(ctx context.Context, q tasks.Query) ([]tasks.Candidate, error)
	Claim(ctx context.Context, c tasks.Candidate, cl tasks.Claim, key, name string) (tasks.Verdict, error)
	ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (map[tasks.ID]bool, error)
	RefuseSingleton(ctx context.Context, c tasks.Candidate, key string) (bool, error)
	Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error
}

// Handler runs tasks.
type Handler interface {
	// Classes lists the classes that may be claimed.
	Classes() []string
	// Identity returns the taskName of a candidate, and whether its class is a
	// singleton. It must not block.
	Identity(c *tasks.Candidate) (name string, singleton bool)
	// Run runs a claimed task and returns how it ended. It may panic.
	Run(ctx context.Context, h *tasks.Held) tasks.Outcome
	// Failed returns the outcome of a run that did not return one: it panicked
	// or called runtime.Goexit.
	Failed(h *tasks.Held, text string) tasks.Outcome
}

// Options configure a Dispatcher.
type Options struct {
	Names   []string // of the processors; each runs one task at a time
	Holder  string   // epoch of the process
	Claims  Claims
	Handler Handler
	Lost    func(tasks.Candidate) // called for a candidate that was not won; may be nil
	Grace   time.Duration         // for running handlers at the stop; default 8 s
	Quit    time.Duration         // for handlers to return after their context was cancelled; default 2 s
	Log     zerolog.Logger
}

// Dispatcher claims and runs tasks. Its methods may be called from any goroutine.
type Dispatcher struct {
	o      Options
	signal chan struct{} // capacity 1: there is something to do
	ended  chan slot     // a run is over: its processor is free

	mu      sync.Mutex
	offers  []tasks.Candidate
	backlog bool                  // waiting tasks may exist that no offer brought
	blocked map[string]bool       // pendingKeys whose name is going
	running map[tasks.ID]*running // claimed and not finished
	claims  int                   // claim statements in flight
	changed chan struct{}         // closed and replaced when running or claims drop to 0
	stats   Stats
}

// Stats counts since the start.
type Stats struct {
	Asked, Won, Lost, Blocked, Sweeps int64
}

type slot struct {
	name string
	id   tasks.ID
}

type running struct {
	held   tasks.Held
	cancel context.CancelCauseFunc
}

// New returns a dispatcher; Run starts it.
func New(o Options) *Dispatcher {
	if o.Grace <= 0 {
		o.Grace = 8 * time.Second
	}
	if o.Quit <= 0 {
		o.Quit = 2 * time.Second
	}
	return &Dispatcher{
		o: o, signal: make(chan struct{}, 1), ended: make(chan slot, len(o.Names)),
		blocked: map[string]bool{}, running: map[tasks.ID]*running{}, changed: make(chan struct{}),
	}
}

// Offer proposes a task that may be due. If no processor is free it is left for
// a sweep.
func (d *Dispatcher) Offer(c tasks.Candidate) {
	d.mu.Lock()
	if !d.backlog {
		d.offers = append(d.offers, c)
		if len(d.offers) > len(d.o.Names) {
			d.offers, d.backlog = nil, true
		}
	}
	d.mu.Unlock()
	d.poke()
}

// Wake says that due tasks may exist that were not offered.
func (d *Dispatcher) Wake() {
	d.mu.Lock()
	d.backlog = true
	d.mu.Unlock()
	d.poke()
}

// Unblock says that a name is free.
func (d *Dispatcher) Unblock(key string) {
	d.mu.Lock()
	was := d.blocked[key]
	delete(d.blocked, key)
	d.backlog = d.backlog || was
	d.mu.Unlock()
	if was {
		d.poke()
	}
}

// UnblockAll forgets which names are going; sweeps find out again.
func (d *Dispatcher) UnblockAll() {
	d.mu.Lock()
	clear(d.blocked)
	d.mu.Unlock()
	d.Wake()
}

// Cancel ends the context of a task that runs here and reports whether one did.
func (d *Dispatcher) Cancel(id tasks.ID, cause error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.running[id]
	if ok {
		r.cancel(cause)
	}
	return ok
}

// Busy returns how many tasks run or are being claimed, whether a sweep is due,
// and a channel that is closed when either may have changed.
func (d *Dispatcher) Busy() (n int, sweepDue bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.running) + d.claims, d.backlog || len(d.offers) > 0, d.changed
}

// Blocked returns the names that wait for the end of a going run.
func (d *Dispatcher) Blocked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := make([]string, 0, len(d.blocked))
	for k := range d.blocked {
		keys = append(keys, k)
	}
	return keys
}

// Stats returns the counters.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

func (d *Dispatcher) poke() {
	select {
	case d.signal <- struct{}{}:
	default:
	}
}

// notifyLocked wakes those who wait for Busy to change.
func (d *Dispatcher) notifyLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Run claims and runs tasks until ctx ends, then stops as the package doc says.
// It returns nil, or *StuckError.
func (d *Dispatcher) Run(ctx context.Context) error {
	work, endWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer endWork(ErrStopping)
	l := &loop{Dispatcher: d, work: work, free: append([]string(nil), d.o.Names...), pool: pool.New().WithMaxGoroutines(len(d.o.Names))}
	for ctx.Err() == nil {
		wait := l.step(ctx)
		select {
		case <-ctx.Done():
		case s := <-d.ended:
			l.release(s)
		case <-d.signal:
		case <-wait:
		}
	}
	return l.stop()
}
