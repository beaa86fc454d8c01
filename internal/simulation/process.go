package simulation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// Life is a process's signs of life and its look at the others': the code of the root
// package, which this package cannot reach by itself.
type Life interface {
	// Enter announces the process and takes those of the names that are free.
	Enter(ctx context.Context, names []string) error
	Held() []string
	Epoch() string
	// Work is called once, before Run and LookAround.
	Work(*dispatcher.Dispatcher)
	// Run gives signs of life until ctx ends.
	Run(ctx context.Context) error
	// LookAround looks who is there, once.
	LookAround(ctx context.Context)
	Leave(ctx context.Context) error
}

// Setup is what a Life is made of.
type Setup struct {
	Store   *model.Store
	Rescues *Rescues
	Host    string
	PID     int
	Beats   time.Duration            // between two signs of life
	Gone    func(tasks.Process) bool // whether a process of this host has ended
	Fence   func()
	Unfence func(epoch string)
}

// errDead is the error of all that a process does that was killed.
var errDead = errors.New("the process was killed")

// lookEvery is between two looks at the others, give or take a tick: so that what comes
// round does not do so in one instant.
const (
	lookEvery = 5 * time.Second
	tick      = 10 * time.Millisecond
)

// classes of tasks: runs of Batch have a name to wait for and run under, Single is a
// singleton, and runs of Kept go on when their process may be taken for dead.
var classes = []string{"Mail", "Batch", "Single", "Kept"}

// process is one process with the real code in it.
type process struct {
	w      *world
	id     int
	host   string
	names  []string
	line   *line
	store  *model.Store
	life   Life
	d      *dispatcher.Dispatcher
	o      dispatcher.Options
	stream *stream
	ctx    context.Context // ends when it is told to stop, and when it is killed
	cancel context.CancelFunc
	gone   chan struct{} // closed when it has ended, or was killed
	done   chan struct{} // closed when its goroutines have ended

	mu       sync.Mutex
	working  bool // it has its names, and takes tasks or ends them
	dead     bool
	frozen   chan struct{} // closed when it goes on; nil if it does
	thawed   time.Time
	fenced   time.Time // since when it is; zero if it is not
	troubled time.Time // the end of when it was last frozen or cut off
}

func (w *world) newProcess(id int, host string, names []string) *process {
	p := &process{w: w, id: id, host: host, names: names, gone: make(chan struct{}), done: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.line = newLine(w.seed, fmt.Sprint("process ", p.id), &w.rates, w.server)
	if w.verbose {
		p.line.note = w.note
	}
	p.store = w.db.Client(p.send)
	p.stream = &stream{p: p, signal: make(chan struct{}, 1)}
	d := p.line.roll("options")
	p.o = dispatcher.Options{
		Claims: &claims{p.store, p}, Handler: p, Replace: d.oneIn(3), Patience: d.between(time.Second, 10*time.Second), Grace: d.between(time.Second, 8*time.Second),
		Random: func(below time.Duration) time.Duration { return p.line.roll("back-off").between(0, below) },
		Lost:   func(c tasks.Candidate) { p.stream.lookAgain(c) },
	}
	p.life = w.newLife(Setup{
		Store: p.store, Rescues: &Rescues{p.store, p}, Host: host, PID: p.id, Beats: d.between(5*time.Second-tick, 5*time.Second+tick), Gone: w.isGone(host), Fence: p.fence, Unfence: p.unfence,
	})
	return p
}

// awake waits while the process is frozen, and returns errDead if it was killed.
func (p *process) awake() error {
	for {
		p.mu.Lock()
		frozen, dead := p.frozen, p.dead
		p.mu.Unlock()
		switch {
		case dead:
			return errDead
		case frozen == nil:
			return nil
		}
		<-frozen
	}
}

// send is the model.Sender of all that the process does.
func (p *process) send(ctx context.Context, st model.Statement) error {
	if err := p.awake(); err != nil {
		return err
	}
	err := context.Cause(ctx)
	if err == nil {
		err = p.w.server.carry(ctx, p.line, st)
	}
	if dead := p.awake(); dead != nil {
		return dead
	}
	return err
}

// main is the process from its start to its end.
func (p *process) main() {
	defer close(p.done)
	err := p.life.Enter(p.ctx, p.names)
	if err == nil {
		err = p.work(p.ctx)
	}
	var stuck *dispatcher.StuckError
	if errors.As(err, &stuck) {
		p.w.met(stucks)
		p.w.note("process %d ends with %d stuck handlers, and %d ends that it could not record", p.id, len(stuck.Tasks), len(stuck.Unrecorded))
	} else {
		p.w.note("process %d ends: %v", p.id, err)
		leaving, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.life.Leave(leaving) // if it cannot, others find out
	}
	p.kill()
}

// work is what engine.run does.
func (p *process) work(ctx context.Context) error {
	p.o.Names, p.o.Holder = p.life.Held(), p.life.Epoch()
	p.d = dispatcher.New(p.o)
	p.life.Work(p.d)
	p.setWorks(true)
	p.w.note("process %d works as %v", p.id, p.o.Names)
	rest, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	work, fatal := context.WithCancelCause(ctx)
	defer fatal(nil)
	var wg conc.WaitGroup
	wg.Go(func() {
		if err := p.life.Run(rest); err != nil {
			fatal(err)
		}
	})
	wg.Go(func() { p.stream.run(rest) })
	wg.Go(func() { p.every(rest, "look", lookEvery-tick, lookEvery, func() { p.life.LookAround(rest) }) })
	wg.Go(func() { p.every(rest, "sweep", 20*time.Second, 30*time.Second, p.d.UnblockAll) })
	err := p.d.Run(work)
	p.setWorks(false)
	stop()
	wg.Wait()
	if err == nil && ctx.Err() == nil {
		err = context.Cause(work)
	}
	return err
}

// every calls do again and again until ctx ends, what engine.maintain does by one
// goroutine: here each has its own, so that no two wait in one select.
func (p *process) every(ctx context.Context, what string, least, most time.Duration, do func()) {
	d := p.line.roll(what)
	for next := d.between(0, most); wait(ctx, next) == nil; next = d.between(least, most) {
		do()
	}
}

func keepsRunning(class string) bool { return class == "Kept" }

func (p *process) fence() {
	if p.awake() != nil {
		return
	}
	p.w.note("process %d is fenced", p.id)
	p.w.met(fences)
	p.d.Fence(keepsRunning)
	p.mu.Lock()
	p.fenced = time.Now()
	p.mu.Unlock()
}

func (p *process) unfence(epoch string) {
	if p.awake() != nil {
		return
	}
	p.mu.Lock()
	p.fenced = time.Time{}
	p.mu.Unlock()
	p.d.Unfence(epoch)
}

// stop tells it to stop.
func (p *process) stop() { p.cancel() }

func (p *process) setWorks(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.working = is
}

// works reports whether it has its names, and needs them.
func (p *process) works() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.working
}
