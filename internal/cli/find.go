package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// timed bounds a step of a command, and says so when it took longer.
func timed(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := f(bounded)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("there was no answer within %v; a call may have been done or not: %w", callTime, err)
	}
	return err
}

// findTask returns the task whose ID has the given text. A text alone does not
// tell the type of an ID: an ObjectID or a string is tried first, then a number
// and a UUID, which other programs may insert.
func findTask(ctx context.Context, conn *lgtask.Connection, text string) (lgtask.Task, error) {
	ids, err := possibleIDs(text)
	if err != nil {
		return lgtask.Task{}, err
	}
	for _, id := range ids {
		t, err := conn.Task(ctx, id)
		if !errors.Is(err, lgtask.ErrNotFound) {
			return t, err
		}
	}
	return lgtask.Task{}, fmt.Errorf("%w: %s: it may have been removed after its time; list shows those that are there", lgtask.ErrNotFound, quote(text))
}

// possibleIDs are the IDs that are written so.
func possibleIDs(text string) ([]lgtask.TaskID, error) {
	first, err := lgtask.ParseTaskID(text)
	if err != nil {
		return nil, err
	}
	values := []any{text}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		values = append(values, n)
	}
	if uuid, err := hex.DecodeString(strings.ReplaceAll(text, "-", "")); err == nil && len(uuid) == 16 {
		values = append(values, bson.Binary{Subtype: bson.TypeBinaryUUID, Data: uuid})
	}
	ids := []lgtask.TaskID{first}
	for _, v := range values {
		kind, data, err := bson.MarshalValue(v)
		if err != nil {
			return nil, err
		}
		var id lgtask.TaskID
		if err := id.UnmarshalBSONValue(byte(kind), data); err != nil {
			return nil, err
		}
		if id != first {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
