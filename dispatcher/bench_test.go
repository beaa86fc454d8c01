package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// script is a Handler that checks that no processor and no name is used twice at
// a time. The class Single is a singleton.
type script struct {
	t        *testing.T
	run      func(ctx context.Context, h *tasks.Held) tasks.Outcome
	identity func(c *tasks.Candidate) (string, bool)
	failed   func(h *tasks.Held, text string) tasks.Outcome
	replaced bool // processors may be used twice at a time, see Options.Replace

	mu     sync.Mutex
	starts []tasks.ID
	going  map[string]bool // processors and names
	most   int             // the most that ever ran at a time
	now    int
}

var succeeded = tasks.Outcome{State: tasks.Success}

func (s *script) Classes() []string { return []string{"Mail", "Batch", "Single", "Long"} }

func (s *script) Identity(c *tasks.Candidate) (string, bool) {
	if s.identity != nil {
		return s.identity(c)
	}
	return c.TaskName, c.TaskClass == "Single"
}

func (s *script) Run(ctx context.Context, h *tasks.Held) tasks.Outcome {
	s.enter(h)
	defer s.leave(h)
	if s.run == nil {
		return succeeded
	}
	return s.run(ctx, h)
}

func (s *script) Failed(h *tasks.Held, text string) tasks.Outcome {
	if s.failed != nil {
		return s.failed(h, text)
	}
	return tasks.Outcome{State: tasks.Error, LastLog: text, Failure: text, Spent: true}
}

func (s *script) enter(h *tasks.Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range []string{"processor " + h.Processor, "name " + h.Key, "task " + h.ID.String()} {
		if k != "name " && s.going[k] && !(s.replaced && strings.HasPrefix(k, "processor ")) {
			s.t.Errorf("%s is used twice at a time", k)
		}
		s.going[k] = true
	}
	s.starts = append(s.starts, h.ID)
	s.now++
	s.most = max(s.most, s.now)
}

func (s *script) leave(h *tasks.Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range []string{"processor " + h.Processor, "name " + h.Key, "task " + h.ID.String()} {
		delete(s.going, k)
	}
	s.now--
}

// started returns the tasks that were started since the last call, in order.
func (s *script) started() []tasks.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := s.starts
	s.starts = nil
	return ids
}

// bench is a dispatcher at work on the fake store, in a bubble. The test must
// end it with stop.
type bench struct {
	*testing.T
	m       *memory
	claims  *faulty
	handler *script
	d       *Dispatcher
	cancel  context.CancelFunc
	done    chan error
}

func newBench(t *testing.T, m *memory, holder string, names int) *bench {
	b := &bench{
		T: t, m: m, claims: &faulty{Claims: m, sent: map[string]int{}},
		handler: &script{t: t, going: map[string]bool{}}, done: make(chan error, 1),
	}
	o := Options{Holder: holder, Claims: b.claims, Handler: b.handler}
	for i := range names {
		o.Names = append(o.Names, fmt.Sprintf("%s-%d", holder, i+1))
	}
	b.d = New(o)
	return b
}

func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go func() { b.done <- b.d.Run(ctx) }()
	synctest.Wait()
}

// setup starts a dispatcher with the given number of processors.
func setup(t *testing.T, names int) *bench {
	b := newBench(t, newMemory(), "p", names)
	b.start()
	return b
}

// stop ends the dispatcher and checks what must hold then.
func (b *bench) stop() {
	b.Helper()
	b.cancel()
	if err := <-b.done; err != nil {
		b.Errorf("Run returned %v", err)
	}
	b.idle()
	for _, p := range b.m.Problems() {
		b.Error(p)
	}
	for _, t := range b.m.Tasks() {
		if t.State.Claimed() {
			b.Errorf("task %s was left %s", t.ID, t.State)
		}
	}
}

// idle checks that nothing is counted as going on.
func (b *bench) idle() {
	b.Helper()
	if n, _, _ := b.d.Busy(); n != 0 {
		b.Errorf("%d are counted as running or being claimed", n)
	}
}

// settled waits until the dispatcher has nothing to do for the time being.
func settled() { synctest.Wait() }

// advance lets the bubble's time pass.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// insert adds a due task of class Mail, changed by edits.
func (b *bench) insert(edits ...func(*tasks.Task)) tasks.Candidate {
	b.Helper()
	task := &tasks.Task{TaskClass: "Mail"}
	for _, edit := range edits {
		edit(task)
	}
	if err := b.m.Insert(context.Background(), task); err != nil {
		b.Fatal(err)
	}
	return model.Candidate(task)
}

// offer adds a task as insert does and offers it.
func (b *bench) offer(edits ...func(*tasks.Task)) tasks.ID {
	b.Helper()
	c := b.insert(edits...)
	b.d.Offer(c)
	return c.ID
}

func (b *bench) task(id tasks.ID) tasks.Task {
	b.Helper()
	t, err := b.m.Get(context.Background(), id)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func (b *bench) is(id tasks.ID, want tasks.State) {
	b.Helper()
	if t := b.task(id); t.State != want {
		b.Errorf("task %s (%s) is %s, %q; want %s", id, t.TaskClass, t.State, t.LastLog, want)
	}
}

// begun checks which tasks were started since the last call.
func (b *bench) begun(want ...tasks.ID) {
	b.Helper()
	if got := b.handler.started(); !slices.Equal(got, want) {
		b.Errorf("started %v; want %v", got, want)
	}
}

// until returns a handler that ends when gate is closed, or fails with its
// context.
func until(gate <-chan struct{}) func(context.Context, *tasks.Held) tasks.Outcome {
	return func(ctx context.Context, h *tasks.Held) tasks.Outcome {
		select {
		case <-gate:
			return succeeded
		case <-ctx.Done():
			text := context.Cause(ctx).Error()
			return tasks.Outcome{State: tasks.Error, LastLog: text, Failure: text, Spent: true}
		}
	}
}

func priority(p int) func(*tasks.Task) { return func(t *tasks.Task) { t.Priority = p } }

// pending makes a batch run of the given name.
func pending(name string) func(*tasks.Task) {
	return func(t *tasks.Task) {
		t.TaskClass, t.TaskName, t.PendingKey = "Batch", name, tasks.Key("Batch", name)
	}
}

func single(t *tasks.Task) { t.TaskClass = "Single" }
