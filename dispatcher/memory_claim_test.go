package dispatcher

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/lgtask/lgtask/tasks"
)

// claimable is tasks.claimable.
func (m *memory) claimable(t *tasks.Task, cl tasks.Claim) bool {
	if t == nil || t.State != tasks.Request {
		return t != nil && t.State == tasks.Working && t.Claim.Token == cl.Token
	}
	now := m.now()
	if len(cl.Early) > 0 {
		now = now.Add(tasks.MaxLead)
	}
	return !t.TsRequest.After(now) && (len(cl.Early) == 0 || slices.ContainsFunc(cl.Early, t.TsRequest.Equal))
}

func (m *memory) take(t *tasks.Task, cl tasks.Claim, processor string) {
	if t.State == tasks.Request {
		m.move(t, tasks.Working)
	}
	t.Processor, t.Holder, t.Claim.Token, t.TsStart = processor, cl.Holder, cl.Token, m.now()
	if t.TsRequest.After(t.TsStart) {
		t.TsStart = t.TsRequest
	}
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
			processor := t.Processor // none yet: the one of an attempt before stays
			if processors != nil {
				processor = processors[i]
			}
			m.take(t, cl, processor)
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

func (m *memory) FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error) {
	errs := make([]error, len(es))
	for i, e := range es {
		if errs[i] = m.Finish(ctx, e.Held, e.Outcome); errs[i] != nil && errs[i] != tasks.ErrFenced {
			return nil, errs[i]
		}
	}
	return errs, nil
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
	if h.Ahead && !o.Unstarted {
		t.Processor = h.Processor
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
	t.Holder = ""
	if !o.Unstarted {
		t.LastLog, t.TsRequest = o.LastLog, m.now().Add(o.Delay)
	}
	m.emit(tasks.Event{Kind: tasks.Changed, ID: t.ID})
	return nil
}
