package dispatcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// counting is a Handler of class Mail that counts the runs of each claim.
type counting struct {
	mu   sync.Mutex
	runs map[tokenOf]int
	n    int
}

func (c *counting) Classes() []string                        { return []string{"Mail"} }
func (c *counting) Identity(*tasks.Candidate) (string, bool) { return "", false }
func (c *counting) Failed(*tasks.Held, string) tasks.Outcome {
	return tasks.Outcome{State: tasks.Error}
}

func (c *counting) Run(ctx context.Context, h *tasks.Held) tasks.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[tokenOf{h.ID, h.Token.Hex()}]++
	switch c.n++; {
	case c.n%50 == 0:
		return tasks.Outcome{State: tasks.Error, LastLog: fmt.Sprint("bad ", c.n%3), Failure: "bad", Spent: true}
	case c.n%70 == 0 && h.Attempt == 0:
		return tasks.Outcome{State: tasks.Request, LastLog: "again", Spent: true}
	case c.n%90 == 0:
		return tasks.Outcome{State: tasks.Aborted}
	}
	return succeeded
}

// drain is several dispatchers on a real database, while tasks are killed and
// processes are taken for dead.
type drain struct {
	*testing.T
	s       *tasks.Store
	handler *counting
	ds      []*Dispatcher
	rand    *rand.Rand
}

func TestDrainOfTheStore(t *testing.T) {
	const n, processes = 1500, 3
	x := &drain{t, taskstest.Store(t), &counting{runs: map[tokenOf]int{}}, nil, rand.New(rand.NewPCG(7, 7))}
	batch := make([]*tasks.Task, n)
	for i := range batch {
		batch[i] = &tasks.Task{TaskClass: "Mail", Priority: i % 3}
	}
	if err := x.s.Insert(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for i := range processes {
		o := Options{Holder: fmt.Sprint("e", i), Claims: x.s, Handler: x.handler}
		for j := range 4 {
			o.Names = append(o.Names, fmt.Sprintf("%s-%d", o.Holder, j))
		}
		d := New(o)
		x.ds = append(x.ds, d)
		wg.Go(func() {
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Minute)
	for i := 1; x.open() > 0; i++ {
		<-tick.C
		x.kill()
		if i%16 == 0 {
			x.bury(x.ds[x.rand.IntN(processes)].o.Holder)
		}
		for _, d := range x.ds {
			d.Wake()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d tasks have not ended", x.open())
		}
	}
	cancel()
	wg.Wait()
	var won int64
	for _, d := range x.ds {
		if busy, _, _ := d.Busy(); busy != 0 {
			t.Errorf("%d busy in the end", busy)
		}
		won += d.Stats().Won
	}
	for claim, n := range x.handler.runs {
		if n != 1 {
			t.Errorf("task %s ran %d times under one claim", claim.id, n)
		}
	}
	t.Logf("%d runs, %d claims of %d tasks", len(x.handler.runs), won, n)
}

func (x *drain) open() int64 {
	n, err := x.s.Database().Collection("tasks").CountDocuments(x.Context(),
		bson.D{{Key: "state", Value: bson.D{{Key: "$in", Value: []tasks.State{tasks.Request, tasks.Working, tasks.Kill}}}}})
	if err != nil {
		x.Fatal(err)
	}
	return n
}

// kill asks for the end of a task that is claimed, if there is any.
func (x *drain) kill() {
	var doc struct {
		ID tasks.ID `bson:"_id"`
	}
	err := x.s.Database().Collection("tasks").FindOneAndUpdate(x.Context(), bson.D{{Key: "state", Value: tasks.Working}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: tasks.Kill}}}}).Decode(&doc)
	if err != nil {
		return // none is claimed just now
	}
	for _, d := range x.ds {
		d.Cancel(doc.ID, ErrKilled)
	}
}

// bury takes the process for dead. It lives on, and its ends are fenced.
func (x *drain) bury(epoch string) {
	if err := x.s.Join(x.Context(), tasks.Process{Epoch: epoch}); err != nil {
		x.Fatal(err)
	}
	p, err := x.s.Process(x.Context(), epoch)
	if err != nil {
		x.Fatal(err)
	}
	if ok, err := x.s.Bury(x.Context(), p); !ok || err != nil {
		x.Fatal(ok, err)
	}
}
