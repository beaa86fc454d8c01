package tasks_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestUpcoming(t *testing.T) {
	s := taskstest.Store(t)
	base := s.Clock().Add(time.Hour).Truncate(time.Millisecond)
	ids := make([]tasks.ID, 10)
	for _, i := range []int{7, 2, 9, 0, 5, 1, 8, 3, 6, 4} {
		ids[i] = insert(t, s, func(task *tasks.Task) {
			task.TaskClass, task.TsRequest = []string{"A", "B"}[i%2], base.Add(time.Duration(i)*time.Second)
		})
	}
	insert(t, s) // due now
	for from := range 11 {
		due, err := s.Upcoming(t.Context(), base.Add(time.Duration(from)*time.Second), 4)
		if err != nil || len(due) != min(4, 10-from) {
			t.Fatalf("from %d: %d, %v", from, len(due), err)
		}
		for i, d := range due {
			if at := from + i; d.ID != ids[at] || !d.TsRequest.Equal(base.Add(time.Duration(at)*time.Second)) || d.TaskClass != []string{"A", "B"}[at%2] {
				t.Errorf("from %d, %d: %+v", from, i, d)
			}
		}
	}
}

// Fewer than asked for means that there are no more, whatever is in the way.
func TestUpcomingEndsMalformed(t *testing.T) {
	s := bareStore(t)
	at := bson.NewDateTimeFromTime(s.Clock().Add(time.Hour))
	for _, doc := range []bson.D{
		d("taskClass", "A", "tsRequest", bson.A{at}), d("taskClass", 5, "tsRequest", at), d("taskClass", bson.A{"A"}, "tsRequest", at),
		d("_id", d("a", 1), "taskClass", d("b", 1), "tsRequest", at),
	} {
		insertRaw(t, collection(s), append(doc, d("state", "request", "priority", 0)...))
	}
	var want []tasks.ID
	for range 5 {
		want = append(want, insert(t, s, func(task *tasks.Task) { task.TsRequest = at.Time().Add(time.Second) }))
	}
	due, err := s.Upcoming(t.Context(), at.Time(), 5)
	if err != nil || len(due) != len(want) {
		t.Fatalf("%+v, %v", due, err)
	}
	if n := count(t, s, tasks.Filter{States: []tasks.State{tasks.Error}}); n != 4 {
		t.Errorf("%d ended", n)
	}
}

func TestFresh(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s)
	var inside *mongo.Session
	err := s.Fresh(t.Context(), func(ctx context.Context) error {
		inside = mongo.SessionFromContext(ctx)
		if inside == nil || inside.OperationTime() == nil {
			t.Error("reads inside wait for nothing")
		}
		cs, err := s.Candidates(ctx, tasks.Query{Classes: []string{"Mail"}, Limit: 10})
		if err != nil || len(cs) != 1 || cs[0].ID != id {
			t.Errorf("candidates %v, %v", cs, err)
		}
		if _, err := s.SyncClock(ctx); err != nil {
			t.Errorf("the clock inside: %v", err)
		}
		if _, _, err := s.EnsureRun(ctx, every(time.Hour), time.Time{}); err != nil {
			t.Errorf("a run inside: %v", err)
		}
		return context.Canceled
	})
	if err != context.Canceled {
		t.Errorf("the error of the callback: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Fresh(ended, func(context.Context) error { t.Error("called"); return nil }); err == nil {
		t.Error("an ended context was no error")
	}
}
