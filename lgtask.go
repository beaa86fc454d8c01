// Package lgtask runs tasks on a central MongoDB: services enqueue, processors
// race to claim from a change stream, a timer wheel rebuilt from the database
// fires delayed, batched and recurring tasks. There is no second server, no
// polling and no leader.
//
//	reg := lgtask.NewRegistry()
//	lgtask.Register[MyAppTask](reg)
//	p, err := lgtask.NewProcessor(cfg, reg)
//	...
//	conn.CreateTask(ctx, "MyAppTask", bson.M{"arg": 1})
//
// # Promises
//
// An acknowledged enqueue is never lost and runs at least once. A task is
// claimed by one processor at a time, and every write after the claim carries
// the claim's token. Nothing runs before its due time by the server's clock, and
// nothing waits for a poll. At most one run of a batch, interval or cron name
// waits and at most one is going, kept by unique indexes.
//
// # Duties
//
// MongoDB must be a replica set; one node is enough. A task can run twice if its
// process died or was cut off: handlers whose effects must not repeat have to be
// idempotent. Handlers should end soon after their context does.
//
// # Reading on
//
// Connection enqueues and reads. Registry and Register name task classes.
// Processor runs them, and Main makes a program of a registry. Packages: tasks
// (documents, states, statements), watcher (stream to events), timers (wheel,
// intervals, cron), dispatcher (claims and runs), kwargs (fields and parameter
// magic). They import in one direction; this package is wiring.
package lgtask

import "github.com/lgtask/lgtask/tasks"

// The types of the documents, as reads return them.
type (
	// TaskID is the _id of a task.
	TaskID = tasks.ID
	// Task is a task as it is stored.
	Task = tasks.Task
	// TaskError is one failed attempt of a task.
	TaskError = tasks.TaskError
	// TaskLog is the log of one attempt.
	TaskLog = tasks.TaskLog
	// TaskFilter selects tasks; a zero field selects all.
	TaskFilter = tasks.Filter
	// Schedule is an interval or cron task.
	Schedule = tasks.Schedule
	// State is the state of a task.
	State = tasks.State
)

// The states of a task.
const (
	StateRequest = tasks.Request
	StateWorking = tasks.Working
	StateKill    = tasks.Kill
	StateSuccess = tasks.Success
	StateError   = tasks.Error
	StateAborted = tasks.Aborted
)

// NewTaskID returns a new unique task ID, for WithID.
func NewTaskID() TaskID { return tasks.NewID() }

// ParseTaskID reads a task ID from its text.
func ParseTaskID(s string) (TaskID, error) { return tasks.ParseID(s) }
