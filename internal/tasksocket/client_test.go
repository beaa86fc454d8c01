package tasksocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientErrors(t *testing.T) {
	c, _, _ := serve(t, &fake{err: &Error{"the class is wrong", InvalidTask}})
	var e *Error
	if _, err := c.Call(t.Context(), 1); !errors.As(err, &e) || e.Kind != InvalidTask || err.Error() != "the class is wrong" {
		t.Errorf("call: %v", err)
	}
	if err := c.Progress(t.Context(), []byte("1")); !errors.As(err, &e) || e.Kind != InvalidTask {
		t.Errorf("progress: %v", err)
	}
	if err := c.Log(t.Context(), strings.Repeat("x", MaxBody+1)); !errors.As(err, &e) || e.Kind != BadRequest {
		t.Errorf("log: %v", err)
	}
	if _, err := c.Call(t.Context(), func() {}); !errors.As(err, &e) || e.Kind != InvalidTask {
		t.Errorf("what is no JSON: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Call(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// What answers may be something else than a processor.
func TestClientMeetsStrangers(t *testing.T) {
	for name, reply := range map[string]http.HandlerFunc{
		"another protocol's error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "go away", http.StatusForbidden) },
		"no JSON":                  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
		"a reply that breaks off":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(reply)
		c := Dial("unused")
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		}}
		var gone *UnreachableError
		if _, err := c.Call(t.Context(), 1); !errors.As(err, &gone) || strings.Contains(err.Error(), "http://task") {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
		server.Close()
	}
}

func TestClientWithoutSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := Dial(path)
	defer c.Close()
	_, err := c.Call(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "unset LGTASK_SOCKET") {
		t.Errorf("%v", err)
	}
}
