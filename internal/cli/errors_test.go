package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/tasksocket"
	"github.com/lgtask/lgtask/tasks"
)

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{&usageError{"a", "b"}, exitUsage},
		{&lgtask.ConfigError{}, exitUsage},
		{fmt.Errorf("x: %w", lgtask.ErrUnreachable), exitUsage},
		{fmt.Errorf("x: %w", lgtask.ErrInvalidTask), exitUsage},
		{fmt.Errorf("x: %w", lgtask.ErrInvalidTime), exitUsage},
		{&tasks.ForeignError{}, exitUsage},
		{&tasks.InvalidError{}, exitUsage},
		{&tasksocket.UnreachableError{}, exitUsage},
		{&tasksocket.Error{Kind: tasksocket.InvalidTask}, exitUsage},
		{&tasksocket.Error{Kind: tasksocket.InvalidTime}, exitUsage},
		{&tasksocket.Error{Kind: tasksocket.BadRequest}, exitUsage},
		{&tasksocket.Error{Kind: tasksocket.TaskExists}, exitFailed},
		{&tasksocket.Error{Kind: tasksocket.TaskKwargs}, exitFailed},
		{&tasksocket.Error{Kind: tasksocket.Internal}, exitFailed},
		{fmt.Errorf("x: %w", lgtask.ErrTaskExists), exitFailed},
		{lgtask.ErrTaskKwargs, exitFailed},
		{lgtask.ErrNotFound, exitFailed},
		{errors.New("anything"), exitFailed},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%T %v: %d, want %d", tt.err, tt.err, got, tt.want)
		}
	}
}

// An ID that could not be written must not look like success.
func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"help"}} {
		var errs bytes.Buffer
		p := &program{name: "prog", stdout: &output{w: failing{}}, stderr: &errs}
		if code := p.run(t.Context(), p.root(), args); code != exitFailed || !strings.Contains(errs.String(), "disk full") {
			t.Errorf("%q: %d %s", args, code, &errs)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	p := &program{name: "prog", stderr: &errs}
	if code := p.fail(ctx, errors.New("it ended")); code != exitInterrupted || !strings.Contains(errs.String(), "a signal came first") {
		t.Errorf("%d %s", code, &errs)
	}
}

func TestErrorsAreOneCleanLine(t *testing.T) {
	var errs bytes.Buffer
	p := &program{name: "prog", stderr: &errs}
	p.fail(t.Context(), errors.New("a\nb\x1b[2J mongodb://bob:hunter2@h"))
	if got, want := errs.String(), `prog: a b\x1b[2J mongodb://xxxxx@h`+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestArgumentsWithSecrets(t *testing.T) {
	for _, args := range [][]string{
		{"create", "Mail", "db=mongodb://bob:hunter2@h/db"}, {"create", "Mail", "--kwargs", `{"db":"mongodb+srv:\/\/bob:hunter2@h"}`},
		{"list", "--config", "MONGODB://bob:hunter2@h"}, {"list", "--class=mongodb://bob:hunter2@h"}, {"show", "mongodb://bob:hunter2"},
	} {
		code, stdout, stderr := run(t, Hooks{}, args...)
		if code != exitUsage || !strings.Contains(stderr, "holds secrets") || strings.Contains(stdout+stderr, "hunter2") {
			t.Errorf("%q: %d %s%s", args, code, stdout, stderr)
		}
	}
	for _, arg := range []string{"db=mongodb://h/db/coll", "db=mongodb://@h:27017/db", "mail=bob@h", "x"} {
		if err := checkArguments([]string{arg}); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
