package tasksocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// maxAtOnce is how many requests of one task are worked on at once.
const maxAtOnce = 16

// Handler serves the protocol for one task.
func Handler(api API) http.Handler {
	h := &handler{api: api, places: make(chan struct{}, maxAtOnce)}
	h.paths = map[string]func(*http.Request, []byte) (any, error){
		"/call": h.call, "/log": h.log, "/progress": h.progress,
	}
	return h
}

type handler struct {
	api    API
	places chan struct{} // holds a token for each request that is worked on
	paths  map[string]func(*http.Request, []byte) (any, error)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	do, known := h.paths[r.URL.Path]
	switch {
	case !known:
		fail(w, http.StatusNotFound, badRequest("there is no %.80q: POST to /call, /log or /progress", r.URL.Path))
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, badRequest("the method is %.20q: use POST", r.Method))
		return
	}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-r.Context().Done():
		return // nobody waits for the reply any more
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, badRequest("the body is larger than %d bytes: store large data elsewhere and pass where it is", MaxBody))
		return
	case err != nil:
		fail(w, http.StatusBadRequest, badRequest("the body could not be read to its end: %v", err))
		return
	}
	reply, err := do(r, body)
	var e *Error
	switch {
	case errors.As(err, &e):
		fail(w, e.Kind.status(), &Error{Text: err.Error(), Kind: e.Kind})
	case err != nil:
		fail(w, http.StatusInternalServerError, &Error{Text: err.Error(), Kind: Internal})
	case reply == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		write(w, http.StatusOK, reply)
	}
}

func (h *handler) call(r *http.Request, body []byte) (any, error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	return h.api.Call(r.Context(), body)
}

func (h *handler) log(_ *http.Request, body []byte) (any, error) {
	if len(body) == 0 {
		return nil, nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n"), "\n") {
		h.api.Log(strings.TrimSuffix(line, "\r"))
	}
	return nil, nil
}

func (h *handler) progress(_ *http.Request, body []byte) (any, error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	return nil, h.api.Progress(body)
}

// checkJSON refuses a body that is not one JSON value, naming where it goes wrong.
func checkJSON(body []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(body, &v)
	var syntax *json.SyntaxError
	switch {
	case len(body) == 0:
		return badRequest("the body is empty: send JSON")
	case errors.As(err, &syntax):
		return badRequest("the body is not JSON, at byte %d: %v", syntax.Offset, err)
	case err != nil:
		return badRequest("the body is not JSON: %v", err)
	}
	return nil
}

func badRequest(format string, args ...any) *Error {
	return &Error{Text: fmt.Sprintf(format, args...), Kind: BadRequest}
}

// fail replies an error, on one line and without secrets.
func fail(w http.ResponseWriter, status int, e *Error) {
	write(w, status, &Error{Text: mongouri.Redact(strings.Join(strings.Fields(e.Text), " ")), Kind: e.Kind})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// What is written here is texts and truth values. The task may be gone, then
	// there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}
