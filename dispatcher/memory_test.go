package dispatcher

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// memory is a collection of tasks with the semantics of tasks.Store, as far as
// the dispatcher sees them. TestClaims runs the same cases against both. Its
// clock is time.Now, which is virtual in a bubble.
type memory struct {
	mu        sync.Mutex
	tasks     map[tasks.ID]*tasks.Task
	order     map[tasks.ID]int // of insertion
	followers []func(tasks.Event)
	problems  []string // moves that the state table does not allow
}

func newMemory() *memory {
	return &memory{tasks: map[tasks.ID]*tasks.Task{}, order: map[tasks.ID]int{}}
}

// now has the resolution of a BSON date.
func (m *memory) now() time.Time { return time.Now().Truncate(time.Millisecond) }

func (m *memory) lock(ctx context.Context) (unlock func(), err error) {
	m.mu.Lock()
	if err := ctx.Err(); err != nil {
		m.mu.Unlock()
		return nil, fmt.Errorf("memory: %w", context.Cause(ctx))
	}
	return m.mu.Unlock, nil
}

func (m *memory) move(t *tasks.Task, to tasks.State) {
	if !t.State.Allows(to) {
		m.problems = append(m.problems, fmt.Sprintf("task %s moved from %s to %s", t.ID, t.State, to))
	}
	t.State = to
}

func (m *memory) emit(ev tasks.Event) {
	for _, f := range m.followers {
		f(ev)
	}
}

func (m *memory) Insert(ctx context.Context, ts ...*tasks.Task) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, t := range ts {
		if t.PendingKey != "" && m.find(func(o *tasks.Task) bool { return o.PendingKey == t.PendingKey }) != nil {
			return fmt.Errorf("memory: a run of %s is waiting", t.PendingKey)
		}
		if t.ID.IsZero() {
			t.ID = tasks.NewID()
		}
		if t.Kwargs == nil {
			t.Kwargs = bson.Raw{5, 0, 0, 0, 0}
		}
		t.State, t.TsInsert = tasks.Request, m.now()
		if t.TsRequest.Before(t.TsInsert) {
			t.TsRequest = t.TsInsert
		}
		mine := *t
		m.tasks[t.ID], m.order[t.ID] = &mine, len(m.order)
		c := candidateOf(&mine)
		m.emit(tasks.Event{Kind: tasks.Inserted, ID: t.ID, Candidate: &c})
	}
	return nil
}

func (m *memory) find(ok func(*tasks.Task) bool) *tasks.Task {
	for _, t := range m.tasks {
		if ok(t) {
			return t
		}
	}
	return nil
}

func (m *memory) Get(ctx context.Context, id tasks.ID) (tasks.Task, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return tasks.Task{}, err
	}
	defer unlock()
	if t := m.tasks[id]; t != nil {
		return *t, nil
	}
	return tasks.Task{}, tasks.ErrNotFound
}

func (m *memory) Candidate(ctx context.Context, id tasks.ID) (tasks.Candidate, error) {
	t, err := m.Get(ctx, id)
	if err == nil && t.State != tasks.Request {
		err = tasks.ErrNotFound
	}
	return candidateOf(&t), err
}

func candidateOf(t *tasks.Task) tasks.Candidate {
	c := tasks.Candidate{
		ID: t.ID, TaskClass: t.TaskClass, TaskName: t.TaskName, Priority: t.Priority, TsInsert: t.TsInsert, TsRequest: t.TsRequest,
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, Crashes: t.Crashes, PendingKey: t.PendingKey, RunningKey: t.RunningKey, Kwargs: t.Kwargs,
	}
	if len(c.Kwargs) > 4<<10 {
		c.Kwargs = nil
	}
	return c
}

// kill asks for a task to be stopped.
func (m *memory) kill(ctx context.Context, id tasks.ID) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	t := m.tasks[id]
	if t == nil || t.State != tasks.Working {
		return tasks.ErrNotFound
	}
	m.move(t, tasks.Kill)
	m.emit(tasks.Event{Kind: tasks.Killed, ID: id})
	return nil
}

// rescue gives back the claimed tasks of a process that has died.
func (m *memory) rescue(holder string) (ids []tasks.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tasks {
		switch {
		case t.Holder != holder || !t.State.Claimed():
			continue
		case t.State == tasks.Kill:
			m.end(t, tasks.Error, "killed")
		default:
			m.move(t, tasks.Request)
			t.Holder = ""
			t.Crashes++
			m.emit(tasks.Event{Kind: tasks.Changed, ID: t.ID})
		}
		t.Claim = tasks.ClaimMark{}
		ids = append(ids, t.ID)
	}
	return ids
}

// Pages reads all that waits at once.
func (m *memory) Pages(ctx context.Context, q tasks.Query) (tasks.Pages, error) {
	all := q
	all.Limit = math.MaxInt
	cs, err := m.Candidates(ctx, all)
	if err == nil && !q.Whole {
		return &memoryPages{m, cs[:min(q.Limit, len(cs))], len(cs) >= q.Limit}, nil
	}
	return &memoryPages{m, cs, false}, err
}

type memoryPages struct {
	m    *memory
	left []tasks.Candidate
	more bool // behind the last page
}

func (p *memoryPages) Next(ctx context.Context, about int) (cs []tasks.Candidate, more bool, err error) {
	unlock, err := p.m.lock(ctx)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	for len(cs) < about && len(p.left) > 0 {
		if c := p.left[0]; p.m.tasks[c.ID].State == tasks.Request {
			cs = append(cs, c)
		}
		p.left = p.left[1:]
	}
	return cs, len(p.left) > 0 || p.more, nil
}

func (p *memoryPages) Close(context.Context) error { return nil }

func (m *memory) Candidates(ctx context.Context, q tasks.Query) ([]tasks.Candidate, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	due := time.Now().Add(time.Millisecond)
	type waiting struct {
		*tasks.Task
		n int // IDs grow
	}
	var ts []waiting
	for _, t := range m.tasks {
		if t.State == tasks.Request && !t.TsRequest.After(due) && slices.Contains(q.Classes, t.TaskClass) &&
			(t.PendingKey == "" || !slices.Contains(q.Blocked, t.PendingKey)) && (q.Above == nil || t.Priority > *q.Above) {
			ts = append(ts, waiting{t, m.order[t.ID]})
		}
	}
	slices.SortFunc(ts, func(a, b waiting) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return cmp.Or(a.TsRequest.Compare(b.TsRequest), a.n-b.n)
	})
	cs := make([]tasks.Candidate, min(len(ts), q.Limit))
	for i := range cs {
		cs[i] = candidateOf(ts[i].Task)
	}
	return cs, nil
}
