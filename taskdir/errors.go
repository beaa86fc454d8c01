package taskdir

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// DirError is returned when a task directory cannot be used at all.
type DirError struct {
	// Path is the folder, or the one above it that is to blame.
	Path string
	// Problem and Remedy say what is wrong and what to do.
	Problem, Remedy string
	// Err is the system's error, if there was one.
	Err error
}

// Error returns all of it on one line.
func (e *DirError) Error() string {
	return fmt.Sprintf("task directory: %s %s: %s", strconv.Quote(e.Path), e.Problem, e.Remedy)
}

// Unwrap returns the system's error or nil.
func (e *DirError) Unwrap() error { return e.Err }

// Refusal is a file that must not run. As an error, *Refusal is returned by
// [Executable.Open].
type Refusal struct {
	// Path is absolute. It may hold any character: quote it when printing.
	Path string
	// Reason says what is wrong and what to do about it.
	Reason string
}

// Error returns both on one line.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s is not run: %s", strconv.Quote(r.Path), r.Reason)
}

func unreadable(path string, err error) *DirError {
	e := &DirError{Path: path, Problem: "cannot be read: " + reason(err), Remedy: "check its permissions", Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Problem, e.Remedy = "does not exist", "create it or correct the setting"
	}
	return e
}

// reason returns the text of err without the path, which is said elsewhere.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return err.Error()
}
