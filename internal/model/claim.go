package model

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/lgtask/lgtask/tasks"
)

// claimable is the filter of a claim.
func (db *Database) claimable(t *tasks.Task, cl tasks.Claim) bool {
	if t == nil || t.State != tasks.Request {
		return t != nil && t.State == tasks.Working && t.Claim.Token == cl.Token
	}
	now := db.now()
	if len(cl.Early) > 0 {
		now = now.Add(tasks.MaxLead)
	}
	return !t.TsRequest.After(now) && (len(cl.Early) == 0 || slices.ContainsFunc(cl.Early, t.TsRequest.Equal))
}

func (db *Database) take(t *tasks.Task, cl tasks.Claim, processor string) {
	t.State, t.Processor, t.Holder, t.Claim.Token, t.TsStart = tasks.Working, processor, cl.Holder, cl.Token, db.now()
	if t.TsRequest.After(t.TsStart) {
		t.TsStart = t.TsRequest
	}
}

// Claim claims one task.
func (s *Store) Claim(ctx context.Context, c tasks.Candidate, cl tasks.Claim, key, name string) (tasks.Verdict, error) {
	return write(ctx, s, "Claim", func() tasks.Verdict {
		t := s.tasks[c.ID]
		if !s.claimable(t, cl) {
			return tasks.Lost
		}
		if key != "" && s.find(func(o *tasks.Task) bool { return o.RunningKey == key && o != t }) != nil {
			return tasks.Blocked
		}
		s.edit(t, func(t *tasks.Task) {
			if key != "" {
				t.RunningKey = key
			}
			if name != "" {
				t.TaskName = name
			}
			if c.PendingKey != "" {
				t.PendingKey = ""
			}
			s.take(t, cl, cl.Processor)
		})
		return tasks.Won
	})
}

// ClaimMany claims tasks without a name.
func (s *Store) ClaimMany(ctx context.Context, ids []tasks.ID, processors []string, cl tasks.Claim) (map[tasks.ID]bool, error) {
	matched, err := write(ctx, s, "ClaimMany", func() (matched int) {
		seen := map[tasks.ID]bool{}
		for i, id := range ids {
			t := s.tasks[id]
			if seen[id] || !s.claimable(t, cl) {
				continue
			}
			seen[id] = true
			matched++
			processor := t.Processor // none yet: the one of an attempt before stays
			if processors != nil {
				processor = processors[i]
			}
			s.edit(t, func(t *tasks.Task) { s.take(t, cl, processor) })
		}
		return matched
	})
	if err != nil {
		return nil, err
	}
	won := map[tasks.ID]bool{}
	switch matched {
	case 0:
		return won, nil
	case len(ids):
		for _, id := range ids {
			won[id] = true
		}
		return won, nil
	}
	return read(ctx, s, "ClaimMany", func() map[tasks.ID]bool {
		won := map[tasks.ID]bool{}
		for _, id := range ids {
			if t := s.tasks[id]; t != nil && t.Claim.Token == cl.Token {
				won[id] = true
			}
		}
		return won
	})
}

// RefuseSingleton ends a waiting run of a singleton whose name is going.
func (s *Store) RefuseSingleton(ctx context.Context, c tasks.Candidate, key string) (bool, error) {
	type pair struct{ going, waiting *tasks.Task }
	p, err := read(ctx, s, "RefuseSingleton", func() pair {
		return pair{s.find(func(t *tasks.Task) bool { return t.RunningKey == key }), s.tasks[c.ID]}
	})
	if err != nil || p.going == nil {
		return false, err
	}
	if p.waiting == nil {
		return true, nil
	}
	state, reason := tasks.Aborted, "already running: "+p.going.ID.String()
	if !bytes.Equal(p.waiting.Kwargs, p.going.Kwargs) {
		state, reason = tasks.Error, "other kwargs"
	}
	_, err = write(ctx, s, "RefuseSingleton", func() bool {
		t := s.tasks[c.ID]
		return t != nil && t.RunningKey == "" && s.endIf(c.ID, tasks.Request, state, reason)
	})
	return err == nil, err
}

// endIf ends a task that is in one state, see tasks.Store.Refuse.
func (db *Database) endIf(id tasks.ID, from, to tasks.State, reason string) bool {
	t := db.tasks[id]
	if t == nil || t.State != from {
		return false
	}
	db.edit(t, func(t *tasks.Task) { db.ended(t, to, reason) })
	return true
}

// ended is how a task ends that its holder does not end.
func (db *Database) ended(t *tasks.Task, state tasks.State, reason string) {
	t.State, t.LastLog, t.TsStop = state, reason, db.now()
	if state == tasks.Error {
		t.Errors = append(slices.Clip(t.Errors), tasks.TaskError{At: db.now(), Text: reason})
	}
	t.LastKey, t.PendingKey, t.RunningKey, t.Holder = t.RunningKey, "", "", ""
}

// Finish writes the end of an attempt.
func (s *Store) Finish(ctx context.Context, h tasks.Held, o tasks.Outcome) error {
	if !tasks.Working.Allows(o.State) || o.State == tasks.Kill {
		return errors.New("model: an attempt cannot end so")
	}
	ok, err := write(ctx, s, "Finish", func() bool { return s.finish(h, o) })
	if ok || err != nil {
		return err
	}
	t, err := s.get(ctx, h.ID)
	switch {
	case err == tasks.ErrNotFound:
		return tasks.ErrFenced
	case err != nil:
		return err
	case t.Claim.Token != h.Token:
		return tasks.ErrFenced
	case t.State == tasks.Kill && !tasks.Kill.Allows(o.State):
		return s.Finish(ctx, h, tasks.Outcome{State: tasks.Error, LastLog: "killed", Failure: "killed", Spent: o.Spent})
	case t.State.Final() || t.State == tasks.Request:
		return nil // the same completion, sent before
	}
	return tasks.ErrFenced
}

// finish reports whether the claim was still held.
func (db *Database) finish(h tasks.Held, o tasks.Outcome) bool {
	t := db.tasks[h.ID]
	if t == nil || t.Claim.Token != h.Token || t.State != tasks.Working && (t.State != tasks.Kill || !tasks.Kill.Allows(o.State)) {
		return false
	}
	db.edit(t, func(t *tasks.Task) {
		t.State, t.Holder = o.State, ""
		if o.Unstarted {
			t.State = tasks.Request
			return
		}
		t.LastLog = o.LastLog
		if h.Ahead {
			t.Processor = h.Processor
		}
		if o.Spent {
			t.Attempt++
		}
		if o.Failure != "" {
			t.Errors = append(slices.Clip(t.Errors), tasks.TaskError{At: db.now(), Attempt: t.Attempt, Text: o.Failure})
		}
		if o.State == tasks.Request {
			t.TsRequest = db.now().Add(o.Delay)
			return
		}
		t.TsStop = db.now()
		if h.Key != "" {
			t.LastKey, t.RunningKey = h.Key, ""
		}
	})
	return true
}

// FinishMany is Finish of several tasks by one statement.
func (s *Store) FinishMany(ctx context.Context, es []tasks.Ending) ([]error, error) {
	errs := make([]error, len(es))
	if len(es) == 1 {
		err := s.Finish(ctx, es[0].Held, es[0].Outcome)
		if err != nil && err != tasks.ErrFenced {
			return nil, err
		}
		errs[0] = err
		return errs, nil
	}
	matched, err := write(ctx, s, "FinishMany", func() (matched int) {
		for _, e := range es {
			if s.finish(e.Held, e.Outcome) {
				matched++
			}
		}
		return matched
	})
	if err != nil {
		return nil, err
	}
	if matched == len(es) {
		return errs, nil
	}
	ended, err := read(ctx, s, "FinishMany", func() map[tasks.ID]bool {
		ended := map[tasks.ID]bool{}
		for _, e := range es {
			t := s.tasks[e.ID]
			ended[e.ID] = t != nil && t.Claim.Token == e.Token && !t.State.Claimed()
		}
		return ended
	})
	if err != nil {
		return nil, err
	}
	for i, e := range es {
		if ended[e.ID] {
			continue
		}
		if errs[i] = s.Finish(ctx, e.Held, e.Outcome); errs[i] != nil && errs[i] != tasks.ErrFenced {
			return nil, errs[i]
		}
	}
	return errs, nil
}
