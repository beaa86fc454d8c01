package tasksocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandlerReplies(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		err                error
		status             int
		want               string // the kind of the error, or the body
	}{
		{"POST", "/call", `{"verb":"create"}`, nil, 200, `{"id":"7","created":true}`},
		{"POST", "/call", ` {} `, nil, 200, `{"id":"7","created":true}`},
		{"POST", "/call", ``, nil, 400, "badRequest"},
		{"POST", "/call", `{`, nil, 400, "badRequest"},
		{"POST", "/call", `{}{}`, nil, 400, "badRequest"},
		{"POST", "/call", `{} x`, nil, 400, "badRequest"},
		{"POST", "/call", strings.Repeat("[", 20_000), nil, 400, "badRequest"},
		{"POST", "/call", `"` + strings.Repeat("x", MaxBody-2) + `"`, nil, 200, `{"id":"7","created":true}`},
		{"POST", "/call", `"` + strings.Repeat("x", MaxBody-1) + `"`, nil, 413, "badRequest"},
		{"POST", "/log", strings.Repeat("x", MaxBody+1), nil, 413, "badRequest"},
		{"POST", "/log", "", nil, 204, ""},
		{"POST", "/log", "x", nil, 204, ""},
		{"POST", "/progress", "1", nil, 204, ""},
		{"POST", "/progress", "", nil, 400, "badRequest"},
		{"POST", "/progress", "half", nil, 400, "badRequest"},
		{"POST", "/progress", "1", &Error{"no", InvalidTask}, 400, "invalidTask"},
		{"GET", "/call", "", nil, 405, "badRequest"},
		{"POST", "/", "", nil, 404, "badRequest"},
		{"POST", "/call/", "{}", nil, 404, "badRequest"},
		{"POST", "/call", "{}", &Error{"no", InvalidTask}, 400, "invalidTask"},
		{"POST", "/call", "{}", &Error{"no", InvalidTime}, 400, "invalidTime"},
		{"POST", "/call", "{}", &Error{"no", NotFound}, 404, "notFound"},
		{"POST", "/call", "{}", &Error{"no", TaskExists}, 409, "taskExists"},
		{"POST", "/call", "{}", fmt.Errorf("so: %w", &Error{"no", TaskKwargs}), 409, "taskKwargs"},
		{"POST", "/call", "{}", errors.New("database"), 500, "internal"},
	} {
		w := httptest.NewRecorder()
		h := Handler(&fake{reply: Reply{"7", true}, err: tt.err})
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
		got := strings.TrimSpace(w.Body.String())
		var e Error
		if tt.status >= 400 {
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Text == "" {
				t.Errorf("%s %s: %s is no error of the protocol", tt.method, tt.path, got)
			}
			got = string(e.Kind)
		}
		if w.Code != tt.status || got != tt.want {
			t.Errorf("%s %s %.40s: %d %s (%s), want %d %s", tt.method, tt.path, tt.body, w.Code, got, e.Text, tt.status, tt.want)
		}
	}
}

// An error is one line without secrets, whoever made it.
func TestHandlerMasksErrors(t *testing.T) {
	w := httptest.NewRecorder()
	api := &fake{err: errors.New("cannot reach\n mongodb://bob:hunter2@host/db")}
	Handler(api).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/call", strings.NewReader("{}")))
	if got, want := w.Body.String(), `{"error":"cannot reach mongodb://xxxxx@host/db","kind":"internal"}`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A task cannot have more than maxAtOnce requests worked on.
func TestHandlerBoundsWork(t *testing.T) {
	api := &fake{enter: make(chan struct{}), leave: make(chan struct{})}
	h := Handler(api)
	const more = maxAtOnce + 4
	codes := make(chan int, more)
	for range more {
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/call", strings.NewReader("1")))
			codes <- w.Code
		}()
	}
	for range maxAtOnce {
		<-api.enter
	}
	select {
	case <-api.enter:
		t.Error("one more is worked on")
	default:
	}
	go func() {
		for range more - maxAtOnce {
			<-api.enter
		}
	}()
	close(api.leave)
	for range more {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
}
