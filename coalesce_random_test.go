package lgtask

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
)

// Callers come and give up at random. What each is told is true.
func TestOutcomesAreTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &randomServer{inserted: map[TaskID]int{}}
		c := &coalescer{limit: 2, insert: db.insert}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 300 {
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(10*time.Millisecond))
					id := tasks.NewID()
					err := c.do(ctx, tasks.Doc{ID: id})
					cancel()
					db.check(t, id, err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if c.underWay != 0 || len(c.queue) != 0 {
			t.Errorf("left: %d under way, %d queued", c.underWay, len(c.queue))
		}
	})
}

// randomServer takes up to 5 ms for a command, and refuses documents or loses
// replies at random.
type randomServer struct {
	mu       sync.Mutex
	inserted map[TaskID]int
}

func (db *randomServer) insert(_ context.Context, docs []tasks.Doc) []error {
	<-time.After(rand.N(5 * time.Millisecond))
	db.mu.Lock()
	defer db.mu.Unlock()
	errs := make([]error, len(docs))
	for i, d := range docs {
		switch rand.N(4) {
		case 0:
			errs[i] = mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 121}}}
		case 1:
			errs[i] = errors.New("the connection broke")
			db.inserted[d.ID] += rand.N(2)
		default:
			db.inserted[d.ID]++
		}
	}
	return errs
}

func (db *randomServer) check(t *testing.T, id TaskID, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	var unknown *ErrUnknownOutcome
	maybe := errors.As(err, &unknown)
	switch n := db.inserted[id]; {
	case n > 1:
		t.Errorf("inserted %d times", n)
	case err == nil && n != 1:
		t.Error("told that it was created, and it was not")
	case err != nil && !maybe && n != 0:
		t.Errorf("told that it was not created (%v), and it was", err)
	case maybe && unknown.ID != id:
		t.Errorf("told of task %s, not of %s", unknown.ID, id)
	}
}
