package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// Errors of Insert.
var (
	// ErrThere is returned for an ID that a task has.
	ErrThere = errors.New("model: a task of that ID is there")
	// ErrWaits is returned for a name of which a run waits.
	ErrWaits = errors.New("model: a run of that name waits")
)

// Insert adds waiting tasks; like the store it fills in what they lack.
func (s *Store) Insert(ctx context.Context, ts ...*tasks.Task) error {
	for _, t := range ts {
		if err := s.insert(ctx, t, nil); err != nil {
			return err
		}
	}
	return nil
}

// InsertClaimed adds a task that is claimed from its insertion on, see
// tasks.Store.Claimed.
func (s *Store) InsertClaimed(ctx context.Context, t *tasks.Task, cl tasks.Claim) error {
	return s.insert(ctx, t, &cl)
}

func (s *Store) insert(ctx context.Context, t *tasks.Task, cl *tasks.Claim) error {
	if t.ID.IsZero() {
		t.ID = tasks.NewID()
	}
	if t.Kwargs == nil {
		t.Kwargs = bson.Raw{5, 0, 0, 0, 0}
	}
	type answer struct {
		t   tasks.Task
		err error
	}
	doc := *t
	a, err := write(ctx, s, "Insert", func() (a answer) { a.t, a.err = s.add(doc, cl); return a })
	if err = cmp.Or(err, a.err); err == nil {
		*t = a.t
	}
	return err
}

func (db *Database) add(t tasks.Task, cl *tasks.Claim) (tasks.Task, error) {
	if db.tasks[t.ID] != nil {
		return t, ErrThere
	}
	if t.PendingKey != "" && db.find(func(o *tasks.Task) bool { return o.PendingKey == t.PendingKey }) != nil {
		return t, fmt.Errorf("%w: %s", ErrWaits, t.PendingKey)
	}
	t.State, t.TsInsert = tasks.Request, db.now()
	if due := t.TsRequest.Truncate(time.Millisecond); due.Before(t.TsRequest) {
		t.TsRequest = due.Add(time.Millisecond)
	}
	if t.TsRequest.Before(t.TsInsert) {
		t.TsRequest = t.TsInsert
	}
	if cl != nil {
		t.State, t.TsStart = tasks.Working, t.TsInsert
		t.Holder, t.Processor, t.Claim.Token = cl.Holder, cl.Processor, cl.Token
	}
	db.put(t.ID, &t)
	return t, nil
}

// Get returns one task, or tasks.ErrNotFound.
func (s *Store) Get(ctx context.Context, id tasks.ID) (tasks.Task, error) {
	t, err := s.get(ctx, id)
	if err != nil {
		return tasks.Task{}, err
	}
	return *t, nil
}

func (s *Store) get(ctx context.Context, id tasks.ID) (*tasks.Task, error) {
	t, err := read(ctx, s, "Get", func() *tasks.Task { return s.tasks[id] })
	if err == nil && t == nil {
		err = tasks.ErrNotFound
	}
	return t, err
}

// Candidate returns one waiting task, or tasks.ErrNotFound.
func (s *Store) Candidate(ctx context.Context, id tasks.ID) (tasks.Candidate, error) {
	t, err := s.get(ctx, id)
	switch {
	case err != nil:
		return tasks.Candidate{}, err
	case t.State != tasks.Request:
		return tasks.Candidate{}, tasks.ErrNotFound
	}
	return Candidate(t), nil
}

// Candidate is what a dispatcher sees of a task.
func Candidate(t *tasks.Task) tasks.Candidate {
	c := tasks.Candidate{
		ID: t.ID, TaskClass: t.TaskClass, TaskName: t.TaskName, Priority: t.Priority, TsInsert: t.TsInsert, TsRequest: t.TsRequest,
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, Crashes: t.Crashes, PendingKey: t.PendingKey, RunningKey: t.RunningKey, Kwargs: t.Kwargs,
	}
	if len(c.Kwargs) > 4<<10 {
		c.Kwargs = nil
	}
	return c
}

// Upcoming returns the waiting tasks that are due at or after an instant, the
// earliest first.
func (s *Store) Upcoming(ctx context.Context, from time.Time) ([]tasks.Candidate, error) {
	return read(ctx, s, "Upcoming", func() (cs []tasks.Candidate) {
		s.all(func(t *tasks.Task) {
			if t.State == tasks.Request && !t.TsRequest.Before(from) {
				cs = append(cs, Candidate(t))
			}
		})
		slices.SortStableFunc(cs, func(a, b tasks.Candidate) int { return a.TsRequest.Compare(b.TsRequest) })
		return cs
	})
}

// Candidates returns due tasks as the store does.
func (s *Store) Candidates(ctx context.Context, q tasks.Query) ([]tasks.Candidate, error) {
	return read(ctx, s, "Candidates", func() []tasks.Candidate { return s.candidates(q) })
}

func (db *Database) candidates(q tasks.Query) []tasks.Candidate {
	due := time.Now().Add(time.Millisecond)
	var ts []*tasks.Task
	db.all(func(t *tasks.Task) {
		if t.State == tasks.Request && !t.TsRequest.After(due) && slices.Contains(q.Classes, t.TaskClass) &&
			(t.PendingKey == "" || !slices.Contains(q.Blocked, t.PendingKey)) && (q.Above == nil || t.Priority > *q.Above) &&
			!(q.NoLastChance && t.Crashes >= tasks.MaxCrashes-1) {
			ts = append(ts, t)
		}
	})
	slices.SortStableFunc(ts, func(a, b *tasks.Task) int { // in the order of insertion, as IDs grow
		return cmp.Or(b.Priority-a.Priority, a.TsRequest.Compare(b.TsRequest))
	})
	cs := make([]tasks.Candidate, min(len(ts), q.Limit))
	for i := range cs {
		cs[i] = Candidate(ts[i])
	}
	return cs
}

// Pages reads all that waits at once.
func (s *Store) Pages(ctx context.Context, q tasks.Query) (tasks.Pages, error) {
	all := q
	all.Limit = math.MaxInt
	cs, err := s.Candidates(ctx, all)
	if err == nil && !q.Whole {
		return &pages{s, cs[:min(q.Limit, len(cs))], len(cs) >= q.Limit}, nil
	}
	return &pages{s, cs, false}, err
}

type pages struct {
	s    *Store
	left []tasks.Candidate
	more bool // behind the last page
}

func (p *pages) Next(ctx context.Context, about int) (cs []tasks.Candidate, more bool, err error) {
	cs, err = read(ctx, p.s, "Candidates", func() (cs []tasks.Candidate) {
		for len(cs) < about && len(p.left) > 0 {
			if t := p.s.tasks[p.left[0].ID]; t != nil && t.State == tasks.Request {
				cs = append(cs, p.left[0])
			}
			p.left = p.left[1:]
		}
		return cs
	})
	if err != nil {
		return nil, false, err
	}
	return cs, len(p.left) > 0 || p.more, nil
}

func (p *pages) Close(context.Context) error { return nil }
