package lgtask_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestOneTaskAtATimePerProcessor(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := setup(t)
			var arrived, going, most atomic.Int32
			full := make(chan struct{})
			b.does(func(r *run) error {
				now := going.Add(1)
				defer going.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				if arrived.Add(1) == int32(n) { // all processors are busy
					close(full)
				}
				<-full
				return nil
			})
			for i := range 20 {
				b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": i}))
			}
			p := b.start(n)
			b.drain(p)
			if got := most.Load(); int(got) != n {
				t.Errorf("%d tasks ran at once, want %d", got, n)
			}
			names := map[string]bool{}
			for _, task := range b.of("Probe", lgtask.StateSuccess) {
				names[task.Processor] = true
			}
			for _, name := range p.Names() {
				if !names[name] {
					t.Errorf("the processor %s ran nothing; those that did are %v", name, names)
				}
			}
			if len(names) != n {
				t.Errorf("tasks ran on %v", names)
			}
		})
	}
}

func TestHigherPriorityFirst(t *testing.T) {
	b := setup(t)
	for _, p := range []int{-100, 0, 100, 3, -3} {
		b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": p}, lgtask.WithPriority(p)))
	}
	b.ok(b.conn.CreateTask(t.Context(), "Other", bson.M{"n": 50}, lgtask.WithPriority(50)))
	b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Probe", bson.M{"n": 20}, lgtask.WithPriority(20)))
	b.drain(b.start(1))
	for _, want := range []int{100, 50, 20, 3, 0, -3, -100} {
		if r := b.next(); r.n != want {
			t.Errorf("the task with priority %d ran, want %d", r.n, want)
		}
	}
	for _, p := range []int{101, -101} {
		_, err := b.conn.CreateTask(t.Context(), "Probe", nil, lgtask.WithPriority(p))
		b.refused(err, lgtask.ErrInvalidTask, "priority", fmt.Sprint(p), "-100 to 100")
	}
}

func TestOnlyRegisteredClassesAreClaimed(t *testing.T) {
	b := setup(t)
	ours, theirs := lgtask.NewRegistry(), lgtask.NewRegistry()
	lgtask.Register[Probe](ours)
	lgtask.Register[Other](theirs)
	one := b.startOf(ours, lgtask.Config{TaskName: "one"})
	two := b.startOf(theirs, lgtask.Config{TaskName: "two"})
	unknown := b.ok(b.conn.CreateTask(t.Context(), "Nobody", nil, lgtask.WithPriority(100)))
	batch := b.ok(b.conn.BatchTask(t.Context(), lgtask.Now(), "Nobody", nil))
	for i := range 10 {
		b.ok(b.conn.CreateTask(t.Context(), "Probe", bson.M{"n": i}))
		b.ok(b.conn.CreateTask(t.Context(), "Other", bson.M{"n": i}))
	}
	b.drain(one)
	b.drain(two)
	for class, processor := range map[string]string{"Probe": "one", "Other": "two"} {
		for _, task := range b.of(class) {
			if task.State != lgtask.StateSuccess || task.Processor != processor {
				t.Errorf("a task of class %s is %s, on %q", class, task.State, task.Processor)
			}
		}
	}
	for _, id := range []lgtask.TaskID{unknown, batch} {
		if got := b.task(id); got.State != lgtask.StateRequest || got.Attempt != 0 {
			t.Errorf("the task of a class that nobody has is %+v", got)
		}
	}
}

func TestClassesOfTheConfiguration(t *testing.T) {
	b := setup(t)
	p := b.startOf(probes(), lgtask.Config{Classes: []string{"Other"}})
	left := b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.ok(b.conn.CreateTask(t.Context(), "Other", nil))
	b.drain(p)
	if r := b.next(); r.TaskClass() != "Other" || b.task(left).State != lgtask.StateRequest {
		t.Errorf("a task of class %s ran", r.TaskClass())
	}
	_, err := lgtask.NewProcessor(lgtask.Config{Classes: []string{"Nobody"}}, probes(), lgtask.WithConnection(b.conn))
	if err == nil {
		t.Fatal("a class that is not registered was accepted")
	}
	b.says(err.Error(), "Nobody", "registered")
}

func TestASweepOfNoTimeIsNone(t *testing.T) {
	b := setup(t)
	p := b.start(1, lgtask.WithSafetySweep(0))
	b.ok(b.conn.CreateTask(t.Context(), "Probe", nil))
	b.drain(p)
}
