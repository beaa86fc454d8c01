package tasks

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// ErrNotFound is returned when no task or schedule matches.
var ErrNotFound = errors.New("no such task")

// ErrFenced is returned by a write whose claim is no longer the task's: another
// holder has it, or it has been finished. Nothing was written.
var ErrFenced = errors.New("the claim is no longer held")

// InvalidError is returned for a value that a task must not have. Nothing was
// written.
type InvalidError struct {
	Field  string // the document's field
	Value  string // the value, shortened
	Reason string // what is wrong, and what would be right
}

// Error implements error.
func (e *InvalidError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("task field %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("task field %s = %s: %s", e.Field, e.Value, e.Reason)
}

// ForeignError is returned when the database holds something that lgtask must
// not touch: another program's collection of the same name, or the documents of
// a newer version.
type ForeignError struct {
	Collection string
	Reason     string
}

// Error implements error.
func (e *ForeignError) Error() string { return "collection " + e.Collection + ": " + e.Reason }

// tooLarge reports whether an update was refused since it would have made a
// document larger than the server stores.
func tooLarge(err error) bool {
	var se mongo.ServerError
	return errors.As(err, &se) && (se.HasErrorCode(17419) || se.HasErrorCode(17420) || se.HasErrorCode(10334))
}

// duplicateOf reports whether err is E11000 on the named index.
func duplicateOf(err error, index string) bool {
	var we mongo.WriteException
	if errors.As(err, &we) {
		for _, e := range we.WriteErrors {
			if e.Code == 11000 && indexNamed(e.Message, index) {
				return true
			}
		}
	}
	var ce mongo.CommandError
	return errors.As(err, &ce) && ce.Code == 11000 && indexNamed(ce.Message, index)
}
