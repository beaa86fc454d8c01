package lgtask

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// member joins as a process of the given host.
func member(t *testing.T, s *tasks.Store, host string) *membership {
	t.Helper()
	self, err := hostid.Self()
	if err != nil {
		t.Fatal(err)
	}
	m := newMembership(s, self, nil, zerolog.Nop())
	m.self.Host, m.me.Host = host, host
	if err := m.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func takes(t *testing.T, m *membership, name string) {
	t.Helper()
	if err := m.take(t.Context(), name); err != nil {
		t.Fatalf("%s takes %s: %v", m.me.Host, name, err)
	}
}

// beaten makes the last beat of a process look old.
func beaten(t *testing.T, m *membership, ago time.Duration) {
	t.Helper()
	res, err := m.store.(*tasks.Store).Database().Collection("processors").UpdateByID(t.Context(), m.me.Epoch, bson.D{{Key: "$set", Value: bson.D{{Key: "tsBeat", Value: time.Now().Add(-ago)}}}})
	if err != nil || res.MatchedCount != 1 {
		t.Fatal(err)
	}
}

func TestNameOfLivingHost(t *testing.T) {
	s := taskstest.Store(t)
	here, there := member(t, s, "here"), member(t, s, "there")
	takes(t, here, "n")
	err := there.take(t.Context(), "n")
	var running *ErrProcessorRunning
	if !errors.As(err, &running) || running.Host != "here" || running.PID == 0 || !strings.Contains(err.Error(), "LGTASK_NAME") {
		t.Fatalf("a second host takes the name: %v", err)
	}
	// Also if its beats look old by the server's clock, as after a step of it.
	beaten(t, here, time.Hour)
	done := make(chan error, 1)
	go func() { done <- there.take(t.Context(), "n") }()
	if err := here.beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.As(err, &running) {
		t.Fatalf("it beats: %v", err)
	}
	if err := here.drop(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	takes(t, there, "n")
}

// TestNameOfSilentHost: a process that cannot be looked at is dead after a lease.
func TestNameOfSilentHost(t *testing.T) {
	s := taskstest.Store(t)
	here, there := member(t, s, "here"), member(t, s, "there")
	here.lease = 2 * time.Second
	takes(t, there, "n")
	beaten(t, there, time.Minute)
	began := time.Now()
	takes(t, here, "n")
	if took := time.Since(began); took < here.lease {
		t.Errorf("taken after %v", took)
	}
	if err := there.beat(t.Context()); !errors.Is(err, ErrLeaseLost) || !strings.Contains(err.Error(), "here") {
		t.Errorf("when it comes back: %v", err)
	}
	if names := here.held(); len(names) != 1 {
		t.Errorf("names %v", names)
	}
}

// TestNameOfDeadProcess: one of this host that is gone is dead at once, and its
// task goes back.
func TestNameOfDeadProcess(t *testing.T) {
	s := taskstest.Store(t)
	dead, next := member(t, s, "h"), member(t, s, "h")
	dead.me.Start = "1" // of a process that ended; its id was given to another
	if err := dead.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	takes(t, dead, "n")
	takes(t, dead, "m")
	id := heldBy(t, s, dead.me.Epoch)
	began := time.Now()
	takes(t, next, "n")
	takes(t, next, "m")
	if took := time.Since(began); took > lease/2 {
		t.Errorf("taken after %v", took)
	}
	task, err := s.Get(t.Context(), id)
	if err != nil || task.State != tasks.Request || task.Crashes != 1 {
		t.Errorf("the task of the dead is %s, %d crashes, %v", task.State, task.Crashes, err)
	}
}

// TestNameOfTwin: copies of one machine have one host name, and each a boot of its own.
// That the process of one is not to be found on the other proves nothing.
func TestNameOfTwin(t *testing.T) {
	s := taskstest.Store(t)
	here, twin := member(t, s, "h"), member(t, s, "h")
	twin.me.Boot, twin.me.Start = "another", "1"
	if err := twin.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	takes(t, twin, "n")
	if err := here.buryGone(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := here.take(t.Context(), "n")
	var running *ErrProcessorRunning
	if !errors.As(err, &running) || !running.Twin || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("taking the name of a twin: %v", err)
	}
	if err := twin.beat(t.Context()); err != nil || len(twin.held()) != 1 {
		t.Errorf("the twin was disturbed: %v, names %v", err, twin.held())
	}
}

func heldBy(t *testing.T, s *tasks.Store, holder string) tasks.ID {
	t.Helper()
	task := &tasks.Task{TaskClass: "C"}
	if err := s.Insert(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	c, err := s.Candidate(t.Context(), task.ID)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Claim(t.Context(), c, tasks.NewClaim("n", holder), "", ""); err != nil || v != tasks.Won {
		t.Fatal(v, err)
	}
	return task.ID
}

// TestRemovedEntry: somebody dropped the collection; nobody died.
func TestRemovedEntry(t *testing.T) {
	s := taskstest.Store(t)
	m := member(t, s, "h")
	takes(t, m, "n")
	if err := s.Database().Collection("processors").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := member(t, s, "other")
	var running *ErrProcessorRunning
	if err := other.take(t.Context(), "n"); !errors.As(err, &running) {
		t.Errorf("the name is not held any more: %v", err)
	}
}

func TestBeats(t *testing.T) {
	s := taskstest.Store(t)
	m := member(t, s, "h")
	m.every = 10 * time.Millisecond
	beats := make(chan struct{})
	m.beats = func() { beats <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.run(ctx); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		<-beats
	}
	taskstest.Eventually(t, "beats", func() bool { p, err := s.Process(t.Context(), m.me.Epoch); return err == nil && p.Beats >= 2 })
	go func() {
		for range beats {
		}
	}()
	cancel()
	wg.Wait()
	close(beats)
}

// TestSameNameTwice: of two processors with a name the second is refused, and
// gets what is free.
func TestSameNameTwice(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	cfg := Config{TaskDatabase: address, TaskName: "n", Processors: 2, LockDir: t.TempDir()}
	start := func(cfg Config) (*Processor, error) {
		t.Helper()
		p, err := NewProcessor(cfg, NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return p, p.Start(t.Context())
	}
	first, err := start(cfg)
	if err != nil || len(first.Names()) != 2 {
		t.Fatal(first.Names(), err)
	}
	var running *ErrProcessorRunning
	second, err := start(cfg)
	if !errors.As(err, &running) || running.Others != 1 || second.Connection() != nil {
		t.Fatalf("all names are taken: %v", err)
	}
	elsewhere := cfg
	elsewhere.LockDir = t.TempDir() // as after somebody removed the lock's file
	if _, err := start(elsewhere); !errors.As(err, &running) || running.Host == "" {
		t.Fatalf("all names are taken in the database: %v", err)
	}
	more := cfg
	more.Processors = 4
	third, err := start(more)
	if err != nil || strings.Join(third.Names(), " ") != "n-3 n-4" {
		t.Fatalf("with 4: %v, %v", third.Names(), err)
	}
	infos, err := first.Connection().Processors(t.Context())
	if err != nil || len(infos) != 2 || !infos[0].Alive || strings.Join(infos[1].Names, " ") != "n-3 n-4" {
		t.Errorf("processors: %+v, %v", infos, err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err != nil || len(second.Names()) != 2 {
		t.Errorf("after the first stopped: %v, %v", second.Names(), err)
	}
}
