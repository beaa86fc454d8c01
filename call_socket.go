package lgtask

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/lgtask/lgtask/internal/tasksocket"
)

// doSocket does a call that came over a task's socket.
func (c *Connection) doSocket(ctx context.Context, body json.RawMessage) (tasksocket.Reply, error) {
	var call Call
	if err := json.Unmarshal(body, &call); err != nil {
		return tasksocket.Reply{}, socketError(err)
	}
	res, err := c.Do(ctx, call)
	if err != nil {
		return tasksocket.Reply{}, socketError(err)
	}
	return tasksocket.Reply{ID: res.ID.String(), Created: res.Created}, nil
}

// socketError gives an error of a call its kind on a task's socket.
func socketError(err error) error {
	for _, k := range []struct {
		target error
		kind   tasksocket.Kind
	}{
		{ErrInvalidTime, tasksocket.InvalidTime}, {ErrInvalidTask, tasksocket.InvalidTask},
		{ErrTaskExists, tasksocket.TaskExists}, {ErrTaskKwargs, tasksocket.TaskKwargs}, {ErrNotFound, tasksocket.NotFound},
	} {
		if errors.Is(err, k.target) {
			return &tasksocket.Error{Text: err.Error(), Kind: k.kind}
		}
	}
	return err
}
