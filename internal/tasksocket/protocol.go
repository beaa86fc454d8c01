package tasksocket

import (
	"context"
	"encoding/json"
	"net/http"
)

// Env is the variable in which a task finds the path of its socket.
const Env = "LGTASK_SOCKET"

// MaxBody is how large the body of a request may be, in bytes.
const MaxBody = 2 << 20

// API is what a processor does for a task. Its methods may be called from
// several goroutines at once. An error that is no *Error is replied as Internal.
type API interface {
	// Call does the call that the JSON object tells.
	Call(ctx context.Context, call json.RawMessage) (Reply, error)
	// Log adds a line, without its line end, to the task's log.
	Log(line string)
	// Progress sets how far the task is. The value is valid JSON.
	Progress(value json.RawMessage) error
}

// Reply is what a call replies.
type Reply struct {
	// ID is the task that the call made or found, as text; empty if there is none.
	ID string `json:"id"`
	// Created says whether the call inserted a task or a schedule.
	Created bool `json:"created"`
}

// Kind tells programs what went wrong.
type Kind string

// The kinds of errors, with their status codes.
const (
	InvalidTask Kind = "invalidTask" // 400: class, name, option, kwargs or progress cannot be used
	InvalidTime Kind = "invalidTime" // 400: a time, interval or cron spec cannot be read
	BadRequest  Kind = "badRequest"  // 400, 404, 405 or 413: no request of this protocol
	NotFound    Kind = "notFound"    // 404: there is no such task
	TaskExists  Kind = "taskExists"  // 409: the name or ID is taken by another definition
	TaskKwargs  Kind = "taskKwargs"  // 409: the name has a run with other kwargs
	Internal    Kind = "internal"    // 500: the processor failed, such as without its database
)

// status is the status code that goes with a kind.
func (k Kind) status() int {
	switch k {
	case InvalidTask, InvalidTime, BadRequest:
		return http.StatusBadRequest
	case NotFound:
		return http.StatusNotFound
	case TaskExists, TaskKwargs:
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// Error is a failure as it goes over the socket.
type Error struct {
	// Text says what is wrong and what to do, in one line.
	Text string `json:"error"`
	Kind Kind   `json:"kind"`
}

// Error implements error.
func (e *Error) Error() string { return e.Text }
