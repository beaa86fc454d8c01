//go:build unix

package examples_test

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestOwnProcessor runs the processor program as a service would: with its file,
// until it is told to end.
func TestOwnProcessor(t *testing.T) {
	db := taskstest.DB(t)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := program(t, ctx, db, "ownprocessor", "ownprocessor/myAppProcessor.cfg", "2")
	wait := untilListening(t, cmd)

	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	res, err := conn.CreateTask(ctx, "Greet", map[string]any{"name": "world"})
	if err != nil {
		t.Fatal(err)
	}
	var task lgtask.Task
	taskstest.Eventually(t, "the task's end", func() bool {
		if task, err = conn.Task(ctx, res.ID); err != nil {
			t.Fatal(err)
		}
		return task.State.Final()
	})
	if task.State != lgtask.StateSuccess || task.LastLog != "hello, world" {
		t.Errorf("%s, %q", task.State, task.LastLog)
	}
	if !strings.HasSuffix(task.Processor, "-1") && !strings.HasSuffix(task.Processor, "-2") {
		t.Errorf("run by %q; want host-1 or host-2", task.Processor)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if log, err := wait(); err != nil {
		t.Errorf("%v:\n%s", err, log)
	}
}

// untilListening starts a processor program and returns when it says that it
// listens. wait returns what it logged and how it ended.
func untilListening(t *testing.T, cmd *exec.Cmd) (wait func() (log string, err error)) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(stderr)
	var log strings.Builder
	for !strings.Contains(log.String(), "listening") {
		line, err := r.ReadString('\n')
		log.WriteString(line)
		if err != nil {
			t.Fatalf("it ended before it listened: %v\n%s", cmd.Wait(), &log)
		}
	}
	return func() (string, error) {
		_, err := io.Copy(&log, r)
		if err != nil {
			t.Error(err)
		}
		return log.String(), cmd.Wait()
	}
}
