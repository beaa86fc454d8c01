package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// world is one simulation.
type world struct {
	verbose bool
	seed    uint64
	newLife func(Setup) Life
	began   time.Time
	db      *model.Database
	server  *server
	rates   rates
	book    *book
	dice    *dice // of the plan
	store   *model.Store
	over    chan struct{}  // closed when nothing is started again
	wg      sync.WaitGroup // of producers and slots

	mu        sync.Mutex
	processes []*process // all that ever were
	born      int
	gate      chan struct{}
	filling   map[*process]int // runs that wait at the gate
	tasks     []tasks.ID
	notes     []note
}

// note is a line of what happened. It is put into words only when somebody reads it.
type note struct {
	at     time.Duration
	format string
	args   []any
}

func (w *world) now() time.Duration { return time.Since(w.began) }

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, note{w.now(), format, args})
}

func (w *world) met(what string) { w.rates.count.met(what) }

// Run runs the simulation of one seed in a bubble and reports the promises that were
// broken. What happened is written to log, unless it is nil.
func Run(t *testing.T, seed uint64, newLife func(Setup) Life, log io.Writer) Tally {
	t.Helper()
	var happened Tally
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed, newLife, log != nil)
		w.live()
		happened = w.rates.count.n
		if log != nil {
			for _, n := range w.notes {
				fmt.Fprintf(log, "%12.6f  %s\n", n.at.Seconds(), fmt.Sprintf(n.format, n.args...))
			}
		}
		for i, broken := range w.book.broken {
			if t.Errorf("seed %d: %s", seed, broken); i == 9 {
				t.Errorf("and %d more", len(w.book.broken)-10)
				break
			}
		}
	})
	return happened
}

func newWorld(seed uint64, newLife func(Setup) Life, verbose bool) *world {
	w := &world{
		verbose: verbose, seed: seed, newLife: newLife, began: time.Now(), db: model.New(), dice: newDice(seed, "plan"), over: make(chan struct{}),
		filling: map[*process]int{},
	}
	w.server = &server{db: w.db, rates: &w.rates}
	w.rates.count.n = Tally{}
	w.book = newBook(w)
	w.db.Follow(w.book.follow)
	line := newLine(seed, "producer", &w.rates, w.server)
	if w.verbose {
		line.note = w.note
	}
	w.store = w.db.Client(func(ctx context.Context, st model.Statement) error { return w.server.carry(ctx, line, st) })
	return w
}

// birth makes a process, unless the world is over.
func (w *world) birth(host string, names []string) *process {
	w.mu.Lock()
	w.born++
	id := w.born
	w.mu.Unlock()
	p := w.newProcess(id, host, names)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isOver() {
		return nil
	}
	w.processes = append(w.processes, p)
	return p
}

func (w *world) process(id int) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		if p.id == id {
			return p
		}
	}
	return nil
}

// living returns the processes that work and have not ended, in the order of their birth.
func (w *world) living() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.isDead() || !p.works() })
}

// isGone is hostid.Process.Gone: of its own host's processes one knows it.
func (w *world) isGone(host string) func(tasks.Process) bool {
	return func(p tasks.Process) bool { return p.Host == host && w.process(p.PID).isDead() }
}

// slot is a place where a process is started again and again, as by cron.
type slot struct {
	w     *world
	host  string
	names []string
	dice  *dice

	mu  sync.Mutex
	now *process
}

// keep starts processes until the world is over.
func (s *slot) keep() {
	for n := 0; ; n++ {
		if n > 0 && s.dice.oneIn(6) {
			s.names = namesOf(fmt.Sprintf("%s-%d", s.host, n), 1+s.dice.n(2))
		}
		p := s.w.birth(s.host, s.names)
		if p == nil {
			return
		}
		s.w.note("process %d is started on %s as %v", p.id, s.host, s.names)
		s.mu.Lock()
		s.now = p
		s.mu.Unlock()
		s.w.wg.Go(p.main)
		<-p.gone
		pause := s.dice.between(10*time.Millisecond, 10*time.Second)
		if s.w.rates.on.Load() && s.dice.oneIn(3) {
			pause *= 6
		}
		select {
		case <-time.After(pause):
		case <-s.w.over:
			return
		}
	}
}

func (w *world) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// create adds a task, and does not give up before it knows that it is there.
func (w *world) create(n int) {
	d := newDice(w.seed, fmt.Sprint("task ", n))
	id, err := tasks.StringID(fmt.Sprint("t", n))
	if err != nil {
		panic(err)
	}
	t := &tasks.Task{ID: id, TaskClass: classes[0], Priority: d.n(3)}
	switch d.n(6) {
	case 0:
		t.TaskClass = "Single"
	case 1:
		t.TaskClass, t.TaskName = "Batch", string(rune('a'+d.n(3)))
		t.PendingKey = tasks.Key(t.TaskClass, t.TaskName)
	case 2:
		t.TaskClass = "Kept"
	}
	if d.oneIn(4) {
		t.TsRequest = time.Now().Add(d.between(0, 5*time.Second))
	}
	w.mu.Lock()
	w.tasks = append(w.tasks, id)
	w.mu.Unlock()
	w.wg.Go(func() {
		_ = wait(context.Background(), d.between(0, 10*time.Millisecond))
		if w.handOff(t, d) {
			return
		}
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := w.store.Insert(ctx, t)
			cancel()
			switch {
			case errors.Is(err, model.ErrWaits):
				return
			case err == nil, errors.Is(err, model.ErrThere):
				w.note("task %s is there", id)
				w.book.wasInserted(id)
				return
			}
			_ = wait(context.Background(), d.between(100*time.Millisecond, time.Second))
		}
	})
}

// handOff is Connection.handOff: a task without a name is created by a process that
// runs it itself.
func (w *world) handOff(t *tasks.Task, d *dice) bool {
	ps := w.living()
	if len(ps) == 0 || t.PendingKey != "" || t.TaskClass == "Single" || !t.TsRequest.IsZero() || !d.oneIn(3) {
		return false
	}
	p := ps[d.n(len(ps))]
	if p.awake() != nil {
		return false
	}
	r := p.d.Reserve()
	if r == nil {
		return false
	}
	due := time.Now()
	err := p.store.InsertClaimed(context.Background(), t, r.Claim)
	if err == nil {
		w.note("task %s is handed to process %d", t.ID, p.id)
		w.book.wasInserted(t.ID)
		r.Start(model.Candidate(t))
		return true
	}
	c := model.Candidate(t)
	c.TsInsert, c.TsRequest = due, due
	r.Undo(c)
	return true // nobody was told that it is there
}
