package lgtask

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/executable"
	"github.com/lgtask/lgtask/internal/tasksocket"
	"github.com/lgtask/lgtask/taskdir"
)

// addExecutables registers the executables of the task folder. What is refused
// is logged with the reason, and does not keep the others from running.
func (m *program) addExecutables(cfg Config) error {
	folder, err := taskdir.Scan(cfg.TaskDir)
	if err != nil {
		return err
	}
	for _, r := range folder.Refused {
		m.log.Warn().Msg(r.Error())
	}
	for _, file := range folder.Executables {
		if err := m.registry.addExecutable(file); err != nil {
			m.log.Warn().Msgf("%s is not run: %v", strconv.Quote(file.Path), err)
		}
	}
	return nil
}

// addExecutable registers the class of an executable.
func (r *Registry) addExecutable(file taskdir.Executable) error {
	o := file.Options
	return r.put(&class{
		name: file.Class, singleton: o.Singleton,
		make:    func() Runner { return &executableTask{file: file} },
		options: ClassOptions{MaxAttempts: o.Attempts, Timeout: o.Timeout, Priority: o.Priority},
	})
}

// executableTask runs an executable: kwargs go to its standard input as relaxed
// Extended JSON with sorted keys, what it prints becomes the task's log.
type executableTask struct {
	Kwargs map[string]bson.RawValue `bson:",inline"`

	file taskdir.Executable
}

// tryAgain is the exit code of a task that asks for another attempt, EX_TEMPFAIL.
const tryAgain = 75

// killAfter is the time between SIGTERM and SIGKILL. returnIn is what the
// dispatcher gives the handler to return: after SIGKILL, output that an escaped
// process holds open is waited for 2 s.
const (
	killAfter = 1500 * time.Millisecond
	returnIn  = 5 * time.Second
)

// Run implements Runner. Exit code 0 is success; 75, a signal and the end of the
// time fail the attempt; any other code fails the task.
func (e *executableTask) Run(ctx context.Context, t *TaskContext) error {
	doc := bson.D{}
	for _, key := range slices.Sorted(maps.Keys(e.Kwargs)) {
		doc = append(doc, bson.E{Key: key, Value: e.Kwargs[key]})
	}
	stdin, err := bson.MarshalExtJSON(doc, false, false)
	if err != nil {
		return failTask(fmt.Errorf("kwargs as JSON: %w", err))
	}
	res, err := executable.Run(ctx, executable.Spec{
		File: e.file, Stdin: stdin, Env: e.environ(t), Handler: tasksocket.Handler(&socketAPI{t}),
		Line: func(_ bool, text string) { t.Log(text) }, Grace: killAfter,
	})
	var start *executable.StartError
	switch {
	case errors.As(err, &start) && start.Passing:
		return &steering{verb: "snooze", delay: time.Second, err: err}
	case err != nil:
		return failTask(err)
	}
	if res.Cleanup != nil {
		t.Logf("cleaning up after the run: %v", res.Cleanup)
	}
	switch {
	case res.Code == 0:
		t.conclude(res.LastStdout)
		return nil
	case res.Code == tryAgain || res.Signal != 0 || ctx.Err() != nil:
		return errors.New(failureText(res))
	}
	return failTask(errors.New(failureText(res)))
}

// failureText says how a program ended, and the last it said.
func failureText(res executable.Result) string {
	if last := cmp.Or(res.LastStderr, res.LastStdout); last != "" {
		return res.String() + ": " + last
	}
	return res.String()
}

// environ tells the task what it is.
func (e *executableTask) environ(t *TaskContext) []string {
	env := []string{
		"PYTHONUNBUFFERED=1", // lines come when they are printed, not at the end
		"LGTASK_TASK_ID=" + t.ID().String(),
		"LGTASK_TASK_CLASS=" + t.TaskClass(),
		"LGTASK_TASK_NAME=" + t.TaskName(),
		"LGTASK_TASK_PROCESSOR=" + t.Processor(),
		"LGTASK_TASK_ATTEMPT=" + strconv.Itoa(t.Attempt()),
		"LGTASK_TASK_MAX_ATTEMPTS=" + strconv.Itoa(t.MaxAttempts()),
		"LGTASK_TASK_DUE=" + t.Due().UTC().Format(time.RFC3339Nano),
	}
	if deadline, ok := t.Deadline(); ok {
		env = append(env, "LGTASK_TASK_DEADLINE="+deadline.UTC().Format(time.RFC3339Nano))
	}
	return env
}

// socketAPI is what a task may ask of its processor; see tasksocket.
type socketAPI struct{ t *TaskContext }

// Call implements tasksocket.API.
func (a *socketAPI) Call(ctx context.Context, body json.RawMessage) (tasksocket.Reply, error) {
	return a.t.conn.doSocket(ctx, body)
}

// Log implements tasksocket.API.
func (a *socketAPI) Log(line string) { a.t.Log(line) }

// Progress implements tasksocket.API.
func (a *socketAPI) Progress(value json.RawMessage) error {
	v, err := progressValue(value)
	if err == nil {
		err = a.t.Progress(v)
	}
	if err != nil {
		return socketError(err)
	}
	return nil
}
