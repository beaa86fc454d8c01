package executable

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	idleTimeout   = time.Minute
	maxHeader     = 16 << 10
	// lastRequests is how long requests may take that were going when the program ended.
	lastRequests = time.Second
)

// socket serves HTTP to one run.
type socket struct {
	path     string
	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc // of the requests' contexts
	errors   *lineWriter
	serving  sync.WaitGroup
	served   error
}

func listen(path string) (*socket, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for the task: %w", err)
	}
	return &socket{path: path, listener: l}, nil
}

// serve starts to answer. What the server complains about becomes part of the
// run's output, as most likely the program sent nonsense.
func (s *socket) serve(h http.Handler, complaints *lineWriter) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.errors = cancel, complaints
	s.server = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(complaints, "LGTASK_SOCKET: ", 0), // which serialises
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.serving.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.serving.Done()
			}
		},
	}
	s.serving.Go(func() {
		if err := s.server.Serve(s.listener); err != http.ErrServerClosed {
			s.served = fmt.Errorf("serve the task: %w", err)
		}
	})
}

// close lets requests that are going end for a moment, then ends their contexts,
// and waits for all goroutines.
func (s *socket) close() error {
	if s.server == nil {
		return s.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastRequests)
	defer cancel()
	err := s.server.Shutdown(ctx)
	s.cancel()
	if err != nil {
		err = s.server.Close()
	}
	s.serving.Wait()
	s.errors.close()
	if err == nil {
		err = s.served
	}
	return err
}
