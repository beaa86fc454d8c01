package tasks

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// leftCursors are cursors that could not be closed because the server could not be
// reached. It would keep each of them for ten minutes.
type leftCursors struct {
	mu  sync.Mutex
	ids []int64
}

// maxLeft bounds them. By the time there are more, the first have been forgotten by
// the server: a stream that cannot be followed is opened four times a minute.
const maxLeft = 64

func (l *leftCursors) keep(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, ids...)
	l.ids = l.ids[max(0, len(l.ids)-maxLeft):]
}

func (l *leftCursors) take() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.ids
	l.ids = nil
	return ids
}

// closeCursors closes cursors on tasks by their IDs, or keeps them for later. One that
// is on another server, or gone, is none for the server that is asked, and no error.
func (s *Store) closeCursors(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	kill := bson.D{{Key: "killCursors", Value: s.tasks.Name()}, {Key: "cursors", Value: ids}}
	err := s.db.RunCommand(ctx, kill, primaryOnly).Err()
	if err != nil {
		s.left.keep(ids)
	}
	return err
}
