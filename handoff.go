package lgtask

import (
	"context"
	"errors"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/tasks"
)

// handOff inserts a task that is due now already claimed by a free processor of
// this process, which runs it when the insert is acknowledged: no event has to
// come and no claim has to be won. The insert waits for the majority, so this is
// a claim like any other. ok is false if nothing was done: then the task goes the
// usual way.
//
// It is done for tasks without a name to win, while a processor is free and
// nothing that was created earlier waits for it.
func (c *Connection) handOff(ctx context.Context, r readyTask) (res Result, ok bool, err error) {
	e := c.local.Load()
	if e == nil || r.repeatable || !e.takesOver(r.task) {
		return Result{}, false, nil
	}
	reserved := e.dispatcher.Reserve()
	if reserved == nil {
		return Result{}, false, nil
	}
	doc, err := c.store.Claimed(r.task, reserved.Claim)
	if err != nil {
		reserved.Release()
		return Result{}, true, callError(err)
	}
	err = c.inserts.do(ctx, doc)
	settle(reserved, candidateOf(r.task), err)
	if err != nil {
		return Result{}, true, err
	}
	return Result{ID: doc.ID, Created: true}, true, nil
}

// settle says what became of the insert.
func settle(r *dispatcher.Reservation, c tasks.Candidate, err error) {
	var unknown *ErrUnknownOutcome
	switch {
	case err == nil:
		r.Start(c)
	case errors.As(err, &unknown):
		r.Undo(c) // it may be there
	default:
		r.Release()
	}
}

// takesOver reports whether a task can be inserted claimed.
func (e *engine) takesOver(t *tasks.Task) bool {
	if !e.classes[t.TaskClass] || t.PendingKey != "" || !t.TsRequest.Equal(t.TsInsert) {
		return false
	}
	cl := e.handler.registry.class(t.TaskClass)
	return cl != nil && !cl.singleton && !cl.named
}

// candidateOf is what a dispatcher needs of a task.
func candidateOf(t *tasks.Task) tasks.Candidate {
	return tasks.Candidate{ID: t.ID, TaskClass: t.TaskClass, TaskName: t.TaskName, Priority: t.Priority, TsInsert: t.TsInsert,
		TsRequest: t.TsRequest, MaxAttempts: t.MaxAttempts, Kwargs: t.Kwargs}
}
