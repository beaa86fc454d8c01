package dispatcher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
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
	followers []func(tasks.Event)
	problems  []string // moves that the state table does not allow
}

func newMemory() *memory { return &memory{tasks: map[tasks.ID]*tasks.Task{}} }

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
		m.tasks[t.ID] = &mine
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
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, PendingKey: t.PendingKey, RunningKey: t.RunningKey, Kwargs: t.Kwargs,
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
			m.emit(tasks.Event{Kind: tasks.Changed, ID: t.ID})
		}
		ids = append(ids, t.ID)
	}
	return ids
}

func (m *memory) Candidates(ctx context.Context, q tasks.Query) ([]tasks.Candidate, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	due := time.Now().Add(time.Millisecond)
	var cs []tasks.Candidate
	for _, t := range m.tasks {
		if t.State == tasks.Request && !t.TsRequest.After(due) && slices.Contains(q.Classes, t.TaskClass) &&
			(t.PendingKey == "" || !slices.Contains(q.Blocked, t.PendingKey)) {
			cs = append(cs, candidateOf(t))
		}
	}
	slices.SortFunc(cs, func(a, b tasks.Candidate) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.TsRequest.Compare(b.TsRequest), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	return cs[:min(len(cs), q.Limit)], nil
}

// claimable is tasks.claimable.
func (m *memory) claimable(t *tasks.Task, cl tasks.Claim) bool {
	return t != nil && (t.State == tasks.Request && !t.TsRequest.After(m.now()) || t.State == tasks.Working && t.Claim.Token == cl.Token)
}

func (m *memory) take(t *tasks.Task, cl tasks.Claim, processor string) {
	if t.State == tasks.Request {
		m.move(t, tasks.Working)
	}
	t.Processor, t.Holder, t.Claim.Token, t.TsStart = processor, cl.Holder, cl.Token, m.now()
}

func (m *memory) Claim(ctx context.Context, c tasks.Candidate, cl tasks.Claim, key, name string) (tasks.Verdict, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return tasks.Lost, err
	}
	defer unlock()
	t := m.tasks[c.ID]
	if !m.claimable(t, cl) {
		return tasks.Lost, nil
	}
	if key != "" {
		if m.find(func(o *tasks.Task) bool { return o.RunningKey == key && o != t }) != nil {
			return tasks.Blocked, nil
		}
		t.RunningKey = key
	}
	if name != "" {
		t.TaskName = name
	}
	if c.PendingKey != "" {
		t.PendingKey = ""
	}
	m.take(t, cl, cl.Processor)
	return tasks.Won, nil
}

func (m *memory) ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (map[tasks.ID]bool, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	won := map[tasks.ID]bool{}
	for i, id := range ids {
		if t := m.tasks[id]; !won[id] && m.claimable(t, cl) {
			m.take(t, cl, processors[i])
			won[id] = true
		}
	}
	return won, nil
}

func (m *memory) RefuseSingleton(ctx context.Context, c tasks.Candidate, key string) (bool, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	going := m.find(func(t *tasks.Task) bool { return t.RunningKey == key })
	if going == nil {
		return false, nil
	}
	t := m.tasks[c.ID]
	switch {
	case t == nil || t.State != tasks.Request:
	case bytes.Equal(t.Kwargs, going.Kwargs):
		m.end(t, tasks.Aborted, "already running: "+going.ID.String())
	default:
		m.end(t, tasks.Error, "other kwargs")
	}
	return true, nil
}

// end puts a task into a final state.
func (m *memory) end(t *tasks.Task, s tasks.State, lastLog string) {
	m.move(t, s)
	if t.RunningKey != "" {
		t.LastKey = t.RunningKey
		m.emit(tasks.Event{Kind: tasks.Freed, ID: t.ID, Key: t.RunningKey})
	}
	t.LastLog, t.TsStop = lastLog, m.now()
	t.PendingKey, t.RunningKey, t.Holder = "", "", ""
}

func (m *memory) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !tasks.Working.Allows(o.State) || o.State == tasks.Kill {
		return errors.New("memory: an attempt cannot end so")
	}
	t := m.tasks[h.ID]
	switch {
	case t == nil || t.Claim.Token != h.Token:
		return tasks.ErrFenced
	case !t.State.Claimed():
		return nil // the same completion, sent before
	case t.State == tasks.Kill && !tasks.Kill.Allows(o.State):
		o = tasks.Outcome{State: tasks.Error, LastLog: "killed", Failure: "killed", Spent: o.Spent}
	}
	if o.Spent {
		t.Attempt = h.Attempt + 1
	}
	if o.Failure != "" {
		t.Errors = append(t.Errors, tasks.TaskError{At: m.now(), Attempt: t.Attempt, Text: o.Failure})
	}
	if o.State != tasks.Request {
		m.end(t, o.State, o.LastLog)
		return nil
	}
	m.move(t, tasks.Request)
	t.LastLog, t.Holder, t.TsRequest = o.LastLog, "", m.now().Add(o.Delay)
	m.emit(tasks.Event{Kind: tasks.Changed, ID: t.ID})
	return nil
}
