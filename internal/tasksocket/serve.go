package tasksocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Bounds of what a task may keep its processor waiting for.
const (
	closeTime  = 5 * time.Second  // for requests under way when the task has ended
	headerTime = 10 * time.Second // for the head of a request
	readTime   = 1 * time.Minute  // for all of it
	idleTime   = 2 * time.Minute  // between two requests of a connection
	maxHeader  = 16 << 10         // bytes of the head
)

// maxPath is how long the path of a socket may be on every system, in bytes.
const maxPath = 103

// Listen makes a socket that only this user can open. The file goes when the
// listener is closed. The path must not exist, and its folder should be one
// that only this user can use: between its making and its closing to others a
// socket has the mode that the umask leaves.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the socket's path %q has %d bytes, more than the system's %d: use a folder with a shorter path, see TMPDIR", path, len(path), maxPath)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve serves a task's socket until ctx ends, and closes the listener. Requests
// that are under way then may end; their contexts end after closeTime. It
// returns when none is left: nil, or why it could not serve.
func Serve(ctx context.Context, l net.Listener, api API) error {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var connections sync.WaitGroup
	server := &http.Server{
		Handler:           Handler(api),
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return calls },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew: // comes before Serve can return
				connections.Add(1)
			case http.StateClosed: // comes last
				connections.Done()
			}
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		bounded, stop := context.WithTimeout(calls, closeTime)
		// An error says that some did not end in time; Close and cancel end them.
		_ = server.Shutdown(bounded)
		stop()
		if err = <-ended; errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
	}
	cancel()
	// It closes connections that are being closed anyhow.
	_ = server.Close()
	connections.Wait()
	return err
}
