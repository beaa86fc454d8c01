package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// marker is the hidden first argument; the role is the second.
const marker = "bench-child"

// errEnded is part of the error of Kill, also for a child that ended well.
var errEnded = errors.New("nothing was left to kill")

// endWithin is how long a child may take to end once its input is closed.
const endWithin = 30 * time.Second

// request asks a child to do something.
type request struct {
	Verb string `json:"verb"`
	Arg  any    `json:"arg,omitempty"`
}

// reply answers a request, or is the first line of a child.
type reply struct {
	Error  string          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Child is a process that plays a role.
type Child struct {
	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// Start starts a copy of this program in a role and returns when it is ready.
// setup is handed to the role. The child lives until Close.
func Start(ctx context.Context, role string, setup any) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return StartProgram(ctx, self, nil, role, setup)
}

// StartProgram is Start with another program, whose main function calls Main as
// well, and with more in its environment (KEY=value).
func StartProgram(ctx context.Context, program string, env []string, role string, setup any) (*Child, error) {
	text, err := json.Marshal(setup)
	if err != nil {
		return nil, err
	}
	c := &Child{role: role, cmd: exec.Command(program, marker, role)}
	c.cmd.Stderr, c.cmd.Env = os.Stderr, append(os.Environ(), env...)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a process as %s: %w", role, err)
	}
	if err := c.exchange(ctx, append(text, '\n'), nil); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a process as %s: %w", role, err), c.Close())
	}
	return c, nil
}

// Call asks the child to do something and decodes its answer into result, unless
// that is nil.
func (c *Child) Call(ctx context.Context, verb string, arg, result any) error {
	line, err := json.Marshal(request{verb, arg})
	if err != nil {
		return err
	}
	if err := c.exchange(ctx, append(line, '\n'), result); err != nil {
		return fmt.Errorf("the process %d, asked as %s to %s: %w", c.cmd.Process.Pid, c.role, verb, err)
	}
	return nil
}

// exchange writes a line and reads the reply to it.
func (c *Child) exchange(ctx context.Context, line []byte, result any) error {
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() }) // it may have ended already
	defer stop()
	_, err := c.in.Write(line)
	var text []byte
	if err == nil {
		text, err = c.out.ReadBytes('\n')
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("it has ended (%w); its last words are above", err)
	}
	var r reply
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("its answer %q is no reply: %w", text, err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(r.Result, result)
}

// PID returns the number of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Kill ends the child at once, wherever it is, and waits for it. It is instead of
// Close. It returns an error if the child had ended by itself.
func (c *Child) Kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = c.in.Close() // fails only if the child is gone, as it should be
	err := c.cmd.Wait()
	if c.cmd.ProcessState.ExitCode() >= 0 { // a signal has none
		return fmt.Errorf("the process %d, as %s, had ended before it was killed: %w", c.cmd.Process.Pid, c.role, errors.Join(errEnded, err))
	}
	return nil
}

// Close lets the child end and waits for it; after half a minute it kills it. It
// returns an error if the child did not end well.
func (c *Child) Close() error {
	_ = c.in.Close() // fails only if the child is gone
	t := time.AfterFunc(endWithin, func() { _ = c.cmd.Process.Kill() })
	defer t.Stop()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("the process %d, as %s: %w", c.cmd.Process.Pid, c.role, err)
	}
	return nil
}
