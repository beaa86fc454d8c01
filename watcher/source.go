package watcher

import (
	"context"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// closeWait is how long closing a stream may take.
const closeWait = 2 * time.Second

// Source is what a Watcher watches; FromStore adapts a *tasks.Store.
type Source interface {
	// Prepare creates the collections and indexes that are missing. It is
	// called before each opening. A *tasks.ForeignError ends Run.
	Prepare(ctx context.Context) error
	// Open opens a stream of the changes from now on.
	Open(ctx context.Context) (Stream, error)
}

// Stream is an open change stream. It is used by one goroutine.
type Stream interface {
	// Next waits for the next event; ok is false if the server had none for a
	// while. It must return soon after ctx has ended. After an error, or after
	// ctx has ended, only Close is called.
	Next(ctx context.Context) (ev tasks.Event, ok bool, err error)
	// Close frees what the stream holds here and on the server.
	Close(ctx context.Context) error
}

// FromStore returns the store's collection of tasks as a Source.
func FromStore(s *tasks.Store) Source { return storeSource{s} }

type storeSource struct{ store *tasks.Store }

func (s storeSource) Prepare(ctx context.Context) error { return s.store.Prepare(ctx) }

// Open prepares a second time, after the stream is open: a collection that was
// dropped between the first time and the opening gives no event, and would stay
// without its indexes. If it is dropped later, the stream tells.
func (s storeSource) Open(ctx context.Context) (Stream, error) {
	st, err := s.store.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.store.Prepare(ctx); err != nil {
		closeStream(ctx, st)
		return nil, err
	}
	return st, nil
}

// closeStream closes st, even if ctx has ended. A failure is of no interest: the
// stream may have failed already, and the server forgets a cursor that nobody
// reads after ten minutes.
func closeStream(ctx context.Context, st Stream) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	_ = st.Close(ctx)
}
