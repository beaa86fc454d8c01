package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// errUnsupported says that a peer has no such call, so the row does not exist.
var errUnsupported = errors.New("the peer has no such call")

// process is a peer's program that runs.
type process struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	enc    *json.Encoder
	dec    *json.Decoder
	stderr tail
}

// launch starts a program and returns when it has said that it is ready. The
// program ends when ctx does, or when its input closes.
func launch(ctx context.Context, argv []string, args ...string) (*process, error) {
	argv = append(argv[:len(argv):len(argv)], args...)
	p := &process{name: argv[0] + " " + args[0], cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.cmd.Stderr, p.cmd.WaitDelay = &p.stderr, 10*time.Second
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.enc, p.dec = in, json.NewEncoder(in), json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := p.read(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// ask sends a command and returns the reply.
func (p *process) ask(ctx context.Context, c command) (reply, error) {
	if err := p.enc.Encode(c); err != nil {
		return reply{}, p.failed(c.Do, err)
	}
	r, err := p.read(ctx)
	switch {
	case err != nil:
		return r, p.failed(c.Do, err)
	case r.Unsupported:
		return r, errUnsupported
	case r.Error != "":
		return r, p.failed(c.Do, errors.New(r.Error))
	}
	return r, nil
}

// read returns the next reply, or an error once ctx has ended, which also
// kills the program.
func (p *process) read(ctx context.Context) (reply, error) {
	defer context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })()
	var r reply
	if err := p.dec.Decode(&r); err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		return r, fmt.Errorf("read its reply: %w", err)
	}
	return r, nil
}

func (p *process) failed(do string, err error) error {
	return fmt.Errorf("%s: %s: %w%s", p.name, do, err, p.stderr.text())
}

// stop closes the program's input and waits for its end.
func (p *process) stop() error {
	_ = p.in.Close()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return p.failed("end", err)
	}
	return nil
}

// tail keeps the last of what a program writes, for error messages.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-maxTail):]
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.buf) == 0 {
		return ""
	}
	return "; it wrote:\n" + string(t.buf)
}
