package lgtask

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// Held is a class whose runs wait until the test lets them go.
type Held struct{}

// attempt is one run of it.
type attempt struct {
	ctx context.Context
	t   *TaskContext
	end chan error // what it returns when it is not ended before
}

// rescuers are processors whose lease is short, in one database.
type rescuers struct {
	*testing.T
	address string
	store   *tasks.Store
	runs    chan attempt
}

// runsOf finds the channel of a task by its database.
var runsOf sync.Map

// Run implements Runner.
func (Held) Run(ctx context.Context, t *TaskContext) error {
	a := attempt{ctx, t, make(chan error)}
	runs, _ := runsOf.Load(t.Connection().Database().Name())
	runs.(chan attempt) <- a
	select {
	case err := <-a.end:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Kept is the same, and is not ended when the lease is lost.
type Kept struct{ Held }

// NotKwargs keeps the embedded struct out of the kwargs.
func (Held) NotKwargs() {}

// Options implements Optioned.
func (Kept) Options() ClassOptions { return ClassOptions{KeepRunning: true} }

func newRescuers(t *testing.T) *rescuers {
	address, name := testAddress(t)
	r := &rescuers{T: t, address: address, runs: make(chan attempt, 10)}
	runsOf.Store(name, r.runs)
	return r
}

// start starts a processor whose membership is as edit makes it.
func (r *rescuers) start(name string, edit func(*membership)) *Processor {
	r.Helper()
	reg := NewRegistry()
	Register[Held](reg)
	Register[Kept](reg)
	p, err := NewProcessor(Config{TaskDatabase: r.address, TaskName: name, LockDir: r.TempDir(), Grace: time.Millisecond}, reg)
	if err != nil {
		r.Fatal(err)
	}
	p.o.member = func(m *membership) {
		m.every, m.look, m.silence, m.lease = 50*time.Millisecond, 50*time.Millisecond, time.Hour, 3*time.Second
		m.self.Host, m.me.Host = name, name // nobody else can look at the process itself
		if edit != nil {
			edit(m)
		}
	}
	if err := p.Start(r.Context()); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			r.Error(err)
		}
	})
	r.store = p.Connection().store
	return p
}

func (r *rescuers) create(p *Processor, class string) TaskID {
	r.Helper()
	res, err := p.Connection().CreateTask(r.Context(), class, nil)
	if err != nil {
		r.Fatal(err)
	}
	return res.ID
}

// either is 0 or 1 crashes, which depends on who comes first.
const either = -1

func (r *rescuers) is(id TaskID, state State, crashes int) {
	r.Helper()
	var task tasks.Task
	taskstest.Eventually(r.T, "the task to be "+string(state), func() (ok bool) {
		var err error
		task, err = r.store.Get(r.Context(), id)
		return err == nil && task.State == state
	})
	if task.Crashes != crashes && !(crashes == either && (task.Crashes == 0 || task.Crashes == 1)) {
		r.Errorf("%d crashes, want %d", task.Crashes, crashes)
	}
}

func silent(m *membership) { m.every = time.Hour }

// The task of a process that gives no sign of life goes to another, and what the
// silent one returns late changes nothing.
func TestSilentProcess(t *testing.T) {
	r := newRescuers(t)
	a := r.start("a", silent)
	id := r.create(a, "Held")
	first := <-r.runs
	began := time.Now()
	b := r.start("b", nil)
	second := <-r.runs
	if took := time.Since(began); took < b.engine.member.lease {
		t.Errorf("rescued after %v", took)
	}
	r.is(id, StateWorking, 1)
	first.end <- errors.New("late")
	second.end <- nil
	r.is(id, StateSuccess, 1)
	if task, err := r.store.Get(t.Context(), id); err != nil || len(task.Errors) != 0 || task.Processor != "b" {
		t.Errorf("%v, errors %v, by %s", err, task.Errors, task.Processor)
	}
}

// The task of a process of this host that was killed goes to those who stay at their
// next look.
func TestGoneProcess(t *testing.T) {
	r := newRescuers(t)
	a := r.start("a", func(m *membership) { m.lease = time.Hour })
	dead := member(t, r.store, "a")
	dead.me.Start = "1" // of a process that ended; its id was given to another
	if err := dead.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	task := &tasks.Task{TaskClass: "Held", TsRequest: time.Now().Add(time.Hour)} // until it is held
	if err := r.store.Insert(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	set := bson.D{{Key: "state", Value: StateWorking}, {Key: "holder", Value: dead.me.Epoch}, {Key: "claim.token", Value: bson.NewObjectID()}, {Key: "tsRequest", Value: time.Now()}}
	if _, err := r.store.Database().Collection("tasks").UpdateByID(t.Context(), task.ID, bson.D{{Key: "$set", Value: set}}); err != nil {
		t.Fatal(err)
	}
	run := <-r.runs
	if run.t.ID() != task.ID {
		t.Errorf("%s runs", run.t.ID())
	}
	run.end <- nil
	r.is(task.ID, StateSuccess, 1)
	if _, err := r.store.Process(t.Context(), a.engine.member.epoch()); err != nil {
		t.Errorf("the one that stays: %v", err)
	}
}

// A process that was buried while it lived ends its tasks, takes a new epoch, and
// works on.
func TestBuriedAlive(t *testing.T) {
	r := newRescuers(t)
	a := r.start("a", nil)
	old := a.engine.member.epoch()
	id := r.create(a, "Held")
	first := <-r.runs
	p, err := r.store.Process(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	taskstest.Eventually(t, "the burial", func() bool { // unless it beats in between
		gone, err := r.store.Bury(t.Context(), p)
		p, _ = r.store.Process(t.Context(), old)
		return err == nil && gone
	})
	<-first.ctx.Done()
	if cause := context.Cause(first.ctx); !errors.Is(cause, ErrLeaseLost) {
		t.Errorf("the cause is %v", cause)
	}
	again := <-r.runs
	if epoch := a.engine.member.epoch(); epoch == old {
		t.Error("the epoch is the old one")
	}
	again.end <- nil
	r.is(id, StateSuccess, either) // the process itself may have given it back
	kept := r.create(a, "Kept")
	(<-r.runs).end <- nil
	r.is(kept, StateSuccess, 0)
}

// While no sign of life reaches the database, nothing runs but what says that it may,
// and nothing is taken.
func TestSelfFence(t *testing.T) {
	r := newRescuers(t)
	line := &line{}
	a := r.start("a", func(m *membership) {
		m.silence, m.lease = 500*time.Millisecond, time.Hour
		client, err := mongo.Connect(options.Client().ApplyURI(r.address).SetDialer(line).SetServerSelectionTimeout(200 * time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
		m.store = tasks.NewStore(client.Database(m.store.(*tasks.Store).Database().Name()), tasks.Options{})
	})
	id := r.create(a, "Held")
	first := <-r.runs
	line.cut(true)
	<-first.ctx.Done()
	if cause := context.Cause(first.ctx); !errors.Is(cause, ErrLeaseLost) {
		t.Errorf("the cause is %v", cause)
	}
	r.is(id, StateRequest, 0)
	line.cut(false)
	again := <-r.runs
	if !line.whole() {
		t.Error("it was taken before there was a sign of life")
	}
	again.end <- nil
	r.is(id, StateSuccess, 0)

	kept := r.create(a, "Kept")
	run := <-r.runs
	line.cut(true)
	taskstest.Eventually(t, "the fence", func() bool {
		a.engine.member.mu.Lock()
		defer a.engine.member.mu.Unlock()
		return a.engine.member.fenced
	})
	run.end <- nil // was not ended
	r.is(kept, StateSuccess, 0)
	line.cut(false)
}

// line is a way to the database that can be cut.
type line struct {
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

func (l *line) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		return nil, errors.New("the line is cut")
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *line) cut(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = is
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) whole() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.isCut
}
