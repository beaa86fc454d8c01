package tasksocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// connectTime is how long the processor has for taking a connection.
const connectTime = 5 * time.Second

// Client is the task's side. It is safe for concurrent use.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client of the socket at the given path. It does not connect:
// each request says when that is not possible.
func Dial(path string) *Client {
	dialer := &net.Dialer{Timeout: connectTime}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) },
	}}}
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call sends a call, which is encoded as JSON. Errors: *Error as the processor
// replied, *UnreachableError.
func (c *Client) Call(ctx context.Context, call any) (Reply, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return Reply{}, &Error{Text: err.Error(), Kind: InvalidTask}
	}
	data, err := c.post(ctx, "/call", body)
	if err != nil {
		return Reply{}, err
	}
	var reply Reply
	if err := json.Unmarshal(data, &reply); err != nil {
		return Reply{}, c.unreachable(fmt.Errorf("its reply is not JSON: %w", err))
	}
	return reply, nil
}

// Log adds each line of the text to the task's log. Errors: as Call.
func (c *Client) Log(ctx context.Context, text string) error {
	_, err := c.post(ctx, "/log", []byte(text))
	return err
}

// Progress sets how far the task is. Errors: as Call.
func (c *Client) Progress(ctx context.Context, value json.RawMessage) error {
	_, err := c.post(ctx, "/progress", value)
	return err
}

func (c *Client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://task"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	// All of the body is read, so closing it has nothing to say.
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody))
	switch {
	case err != nil:
		return nil, c.unreachable(err)
	case resp.StatusCode < 300:
		return data, nil
	}
	var e Error
	if err := json.Unmarshal(data, &e); err != nil || e.Text == "" {
		return nil, c.unreachable(fmt.Errorf("it replied %s, not in this protocol", resp.Status))
	}
	return nil, &e
}

// UnreachableError is returned when the processor did not take a request or did
// not reply to it. The request may have been done all the same.
type UnreachableError struct {
	Path string // of the socket
	Err  error
}

func (c *Client) unreachable(err error) error { return &UnreachableError{c.path, err} }

// Error says what is likely wrong, and what to do.
func (e *UnreachableError) Error() string {
	what := fmt.Sprintf("the processor cannot be reached at %s=%q: ", Env, e.Path)
	switch {
	case errors.Is(e.Err, fs.ErrNotExist), errors.Is(e.Err, syscall.ECONNREFUSED):
		return what + "the task has ended, or this is not inside a task: unset " + Env + " to use the database"
	case errors.Is(e.Err, fs.ErrPermission):
		return what + "this user may not open it: run as the task's user"
	}
	_, reason, found := strings.Cut(e.Err.Error(), ": ") // without `Post "http://task/call"`
	if !found {
		reason = e.Err.Error()
	}
	return what + reason
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }
