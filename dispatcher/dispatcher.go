package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/tasks"
)

// ErrStopping is the cause of a handler's context when the processor stops.
var ErrStopping = errors.New("the processor is stopping")

// ErrKilled is the cause of a handler's context when somebody asked for its task
// to be stopped.
var ErrKilled = errors.New("the task was killed")

// Claims is the database, as the dispatcher needs it. Finish and FinishMany are
// called from many goroutines, the others from Run's only. All must return soon
// after their context has ended. An error is about the database, not about one task: the
// same statement is sent again until it is answered, so a task that can never be
// claimed must be refused or left out.
type Claims interface {
	// Pages reads due tasks. Its methods are called from one goroutine at a time,
	// though not from Run's.
	Pages(ctx context.Context, q tasks.Query) (tasks.Pages, error)
	Claim(ctx context.Context, c tasks.Candidate, cl tasks.Claim, key, name string) (tasks.Verdict, error)
	ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (map[tasks.ID]bool, error)
	RefuseSingleton(ctx context.Context, c tasks.Candidate, key string) (bool, error)
	Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error
	// FinishMany is Finish of several tasks without a key. It returns what Finish
	// would have returned for each, or an error if the outcome is not known. The
	// end of one for which it returns anything but tasks.ErrFenced is sent again.
	FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error)
}

// Handler runs tasks.
type Handler interface {
	// Classes lists the classes that may be claimed.
	Classes() []string
	// Identity returns the taskName of a candidate, and whether its class is a
	// singleton. It must not block. If it panics the task is claimed and ends as
	// Failed says.
	Identity(c *tasks.Candidate) (name string, singleton bool)
	// Run runs a claimed task and returns how it ended. It may panic.
	Run(ctx context.Context, h *tasks.Held) tasks.Outcome
	// Failed returns the outcome of a run that did not return a usable one: it
	// panicked, called runtime.Goexit or returned a state that is no end.
	Failed(h *tasks.Held, text string) tasks.Outcome
}

// Options configure a Dispatcher.
type Options struct {
	Names    []string // of the processors, each different; each runs one task at a time; see AddName
	Holder   string   // epoch of the process, until Unfence
	Claims   Claims
	Handler  Handler
	Lost     func(tasks.Candidate)             // called for a candidate that was not won; may be nil
	Retired  func(name string)                 // called for each name that Retire set free; may be nil
	Grace    time.Duration                     // for running handlers at the stop; default 8 s
	Quit     time.Duration                     // for handlers to return after their context was cancelled; default 2 s
	Patience time.Duration                     // for a handler to return after its context has ended, until it counts as stuck; default 10 s
	Replace  bool                              // a processor whose handler is stuck takes other tasks, as often as there are processors
	Stuck    func(h tasks.Held, cause error)   // called, by a goroutine of its own, when a handler counts as stuck; cause is nil for Overdue; may be nil
	Ahead    time.Duration                     // of work to claim ahead at most; default 40 ms, negative: none
	Peers    func() int                        // how many processes take the same work, this one among them; nil: one
	Now      func() time.Time                  // the database's clock, not ahead of it; default time.Now
	Random   func(time.Duration) time.Duration // a random duration below the given one; default rand.N
	Log      zerolog.Logger
}

// Dispatcher claims and runs tasks. Its methods may be called from any goroutine.
type Dispatcher struct {
	o      Options
	signal chan struct{} // capacity 1: there is something to do

	mu           sync.Mutex
	offers       []tasks.Candidate
	backlog      bool               // waiting tasks may exist that no offer brought
	blocked      map[string]bool    // pendingKeys whose name is going
	sweeping     bool               // candidates are being read
	goesOn       bool               // the last sweep has not come to its end
	claiming     map[tasks.ID]error // being claimed; the cause of a Cancel that came meanwhile
	running      map[*running]bool  // claimed and not recorded as ended
	ready        ready              // claimed ahead, not started
	endings      []*running         // ended, to be recorded together
	recordsEnds  bool               // a goroutine does
	lengths      map[string]length  // of runs, by class
	pulled       time.Time          // when a task was last taken from ready
	unrecorded   []tasks.ID         // ended, but the database did not take the result
	chances      int                // running tasks whose last chance it is, see apart
	chanceWaits  bool               // others may wait for their end
	names        int                // processors that are not retired
	free         []string           // names without a task
	loop         *loop              // of Run, nil when it is not running or stops
	lately       lately
	waiting      time.Time // see Pressure
	finished     time.Time // when a run last ended
	reservations map[*Reservation]bool
	retiring     bool // see Retire
	fenced       bool // see Fence
	replaced     int  // processors that take tasks while a stuck handler of theirs goes on
	keep         func(class string) bool
	holder       string        // epoch of the process
	changed      chan struct{} // closed and replaced when one of the above became less
	took         time.Duration // mean time from the look for candidates to the end of their claim
	stats        Stats
	troubles     map[string]*trouble // statements that fail, by kind
}

// Stats counts since the start.
type Stats struct {
	Asked   int64 // candidates that were claimed: the sum of the next three
	Won     int64
	Lost    int64 // somebody else had it, or the claim had no answer
	Blocked int64 // a run of its name was going
	Sweeps  int64
	Stuck   int64 // handlers that go on now although their context ended Options.Patience ago; not a count since the start
}

// New returns a dispatcher; Run starts it.
func New(o Options) *Dispatcher {
	if o.Grace <= 0 {
		o.Grace = 8 * time.Second
	}
	if o.Quit <= 0 {
		o.Quit = 2 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.Ahead == 0 {
		o.Ahead = 40 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.N[time.Duration]
	}
	return &Dispatcher{
		o: o, signal: make(chan struct{}, 1), changed: make(chan struct{}),
		blocked: map[string]bool{}, claiming: map[tasks.ID]error{}, running: map[*running]bool{}, lengths: map[string]length{},
		reservations: map[*Reservation]bool{}, troubles: map[string]*trouble{},
		names: len(o.Names), free: slices.Clone(o.Names), holder: o.Holder,
	}
}

// AddName adds a processor, before or while Run runs. Its name must differ from
// the others'. After Retire it does nothing.
func (d *Dispatcher) AddName(name string) {
	d.mu.Lock()
	if !d.retiring {
		d.names++
		d.free = append(d.free, name)
		d.backlog = true
	}
	d.mu.Unlock()
	d.poke()
}

// Retire ends the intake without ending what runs: each processor is set free
// for good, and Options.Retired called with its name, once it has no task. Run
// goes on until its context ends.
func (d *Dispatcher) Retire() {
	d.mu.Lock()
	d.retiring = true
	d.mu.Unlock()
	d.poke()
}

// Offer proposes a task that is due, or will be in tasks.MaxLead at most: then it
// is claimed before, and starts on time. If no processor is free it is left for a
// sweep; for one that is not due yet, somebody must call Wake when it is, unless it
// was Asked for.
func (d *Dispatcher) Offer(c tasks.Candidate) {
	d.mu.Lock()
	if !d.backlog {
		d.offers = append(d.offers, c)
		if len(d.offers) > d.names {
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
// A task that is just being claimed counts: it is not started, if it is won.
func (d *Dispatcher) Cancel(id tasks.ID, cause error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, found := d.claiming[id]
	if found {
		d.claiming[id] = cmp.Or(cause, context.Canceled)
	}
	for r := range d.running {
		if r.held.ID == id {
			r.cancel(cause)
			d.watchLocked(r)
			found = true
		}
	}
	return found
}

// Busy returns how many tasks run or are being claimed (a sweep counts as one),
// whether a sweep or an offer is due, and a channel that is closed when a run, a
// claim or a sweep is over. Two calls that return the same channel and no work
// had none in between.
func (d *Dispatcher) Busy() (n int, sweepDue bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = len(d.running) + len(d.claiming) + len(d.reservations)
	if d.sweeping {
		n++
	}
	return n, d.backlog || d.goesOn || len(d.offers) > 0, d.changed
}

// ClaimTime returns how long it lately took from the look for work to the end of
// its claim, zero before the first.
func (d *Dispatcher) ClaimTime() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.took
}

// Processors returns how many processors there are that are not retired.
func (d *Dispatcher) Processors() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names
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
