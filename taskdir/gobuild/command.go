package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	maxOutput = 64 << 10  // of compilers that is kept
	maxList   = 256 << 20 // of "go list"; a thousand packages are 2 MiB
	pipeDelay = 5 * time.Second
)

// errGo is the end of a go command with a message.
type errGo struct {
	output string
	err    error
}

func (e *errGo) Error() string { return oneLine(fmt.Sprintf("go command: %v: %s", e.err, e.output)) }
func (e *errGo) Unwrap() error { return e.err }

// goCommand runs a go command in one folder.
type goCommand struct {
	path string
	dir  string
	env  environ
}

// run returns the standard output of the command. An exit with an error is an
// [*errGo] with what it wrote to standard error. If ctx ends, the command and what
// it has started are killed.
func (g goCommand) run(ctx context.Context, args ...string) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	out, problems := &limited{max: maxList}, &limited{max: maxOutput}
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env = g.dir, g.env.with("PWD="+g.dir)
	cmd.Stdout, cmd.Stderr = out, problems
	cmd.WaitDelay = pipeDelay
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && errors.As(err, new(*exec.ExitError)):
		return nil, &errGo{output: problems.text(), err: err}
	case err != nil:
		return nil, fmt.Errorf("start %s: %w", g.path, err)
	case out.cut:
		return nil, fmt.Errorf("go %s wrote more than %d MiB", args[0], maxList>>20)
	}
	return out.kept.Bytes(), nil
}

// limited keeps the beginning of what is written to it.
type limited struct {
	max  int
	kept bytes.Buffer
	cut  bool
}

func (l *limited) Write(p []byte) (int, error) {
	room := min(len(p), l.max-l.kept.Len())
	l.kept.Write(p[:room])
	l.cut = l.cut || room < len(p)
	return len(p), nil
}

// text returns what was kept, up to the last whole line if the rest is missing.
func (l *limited) text() string {
	text := l.kept.String()
	if !l.cut {
		return text
	}
	if end := strings.LastIndexByte(text, '\n'); end >= 0 {
		text = text[:end+1]
	}
	return text + "(the rest was cut off)\n"
}

// bounded returns the beginning of a text that is too long to be kept.
func bounded(text string) string {
	l := limited{max: maxOutput}
	_, _ = l.Write([]byte(text)) // never fails
	return l.text()
}
