package tasks_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// insertHand adds n minimal documents as another program would.
func insertHand(t testing.TB, s *tasks.Store, n int) (ids []tasks.ID) {
	t.Helper()
	docs := make([]bson.D, n)
	for i := range docs {
		docs[i] = d("_id", bson.NewObjectID(), "taskClass", "Hand", "state", "request", "kwargs", d("n", i))
		ids = append(ids, anyID(t, docs[i][0].Value))
	}
	if _, err := collection(s).InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	return ids
}

// A page takes three commands however many documents it has, and one more for
// each that cannot be a task.
func TestAdoptManyInFewCommands(t *testing.T) {
	_, commands := monitored(t, taskstest.URI(t), func(s *tasks.Store) {
		ids := insertHand(t, s, 500)
		insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request", "taskName", 5))
		insertRaw(t, collection(s), d("taskClass", "Other", "state", "request"))
		before := serverTime(t, s)
		cs, found, err := s.AdoptMany(t.Context(), []string{"Hand"}, 1000)
		if err != nil || found != 501 || len(cs) != 500 {
			t.Fatalf("%d candidates of %d found, %v", len(cs), found, err)
		}
		seen := map[tasks.ID]bool{}
		for _, c := range cs {
			seen[c.ID] = true
			if c.TaskName != "" || c.Priority != 0 || c.TsRequest.Before(before) || c.Kwargs.Lookup("n").Int32() < 0 {
				t.Errorf("%+v", c)
			}
		}
		for _, id := range ids {
			if !seen[id] {
				t.Errorf("%s is not among them", id)
			}
		}
		if cs, found, err := s.AdoptMany(t.Context(), []string{"Hand"}, 1000); err != nil || found != 0 || cs != nil {
			t.Errorf("again: %v, %d, %v", cs, found, err)
		}
		if n := count(t, s, tasks.Filter{States: []tasks.State{tasks.Error}}); n != 1 {
			t.Errorf("%d ended", n)
		}
	})
	updates := 0
	for _, c := range commands {
		if _, err := c.LookupErr("update"); err == nil {
			updates++
		}
	}
	if updates != 2 {
		t.Errorf("%d updates, want one for all and one for the malformed", updates)
	}
}

func TestAdoptManyInPages(t *testing.T) {
	s := taskstest.Store(t)
	insertHand(t, s, 25)
	for _, want := range []int{10, 10, 5, 0} {
		if cs, found, err := s.AdoptMany(t.Context(), []string{"Hand"}, 10); err != nil || found != want || len(cs) != want {
			t.Errorf("%d candidates of %d found, %v; want %d", len(cs), found, err, want)
		}
	}
	if cs, err := s.AdoptThese(t.Context(), []tasks.ID{tasks.NewID()}); err != nil || len(cs) != 0 {
		t.Errorf("of nothing: %v, %v", cs, err)
	}
}

// A document that lacks nothing, or is no longer waiting, is left as it is.
func TestAdoptTheseOnlyCompletes(t *testing.T) {
	s := taskstest.Store(t)
	due := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	delayed := insert(t, s, func(task *tasks.Task) { task.TaskClass, task.TsRequest, task.Priority = "Hand", due, 7 })
	partly := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request", "tsRequest", due, "colour", "red"))
	working := insert(t, s)
	h := claim(t, s, working)
	before := get(t, s, working)
	cs, err := s.AdoptThese(t.Context(), []tasks.ID{delayed, partly, working})
	if err != nil || len(cs) != 2 {
		t.Fatalf("%+v, %v", cs, err)
	}
	for _, c := range cs {
		if !c.TsRequest.Equal(due) || (c.ID == delayed) != (c.Priority == 7) {
			t.Errorf("%+v", c)
		}
	}
	if after := get(t, s, working); after.State != tasks.Working || !after.TsRequest.Equal(before.TsRequest) {
		t.Errorf("%+v", after)
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Success})
	raw, err := collection(s).FindOne(t.Context(), d("_id", partly)).Raw()
	if err != nil || raw.Lookup("colour").StringValue() != "red" {
		t.Errorf("a field of others is gone: %v, %v", raw, err)
	}
}

// A document without room for what it lacks is ended, and holds up no other.
func TestAdoptManyWithOneTooLarge(t *testing.T) {
	s := taskstest.Store(t)
	const most = 16 << 20
	doc := d("_id", bson.NewObjectID(), "taskClass", "Hand", "state", "request", "fill", "")
	empty, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	doc[3].Value = strings.Repeat("x", most-len(empty))
	large := insertRaw(t, collection(s), doc)
	insertHand(t, s, 20)
	if cs, found, err := s.AdoptMany(t.Context(), []string{"Hand"}, 100); err != nil || found != 21 || len(cs) != 20 {
		t.Errorf("%d candidates of %d found, %v", len(cs), found, err)
	}
	if task := get(t, s, large); task.State != tasks.Error || !strings.Contains(task.LastLog, "bytes") {
		t.Errorf("%s, %q", task.State, task.LastLog)
	}
}

// Several processors may see the same documents: each is completed once, and
// claimed once.
func TestAdoptManyAtOnce(t *testing.T) {
	s := taskstest.Store(t)
	ids := insertHand(t, s, 100)
	won := make([]atomic.Int64, len(ids))
	at := map[tasks.ID]int{}
	for i, id := range ids {
		at[id] = i
	}
	together(6, func(int) {
		cs, _, err := s.AdoptMany(t.Context(), []string{"Hand"}, 200)
		if err != nil {
			t.Error(err)
		}
		for _, c := range cs {
			if v, err := s.Claim(t.Context(), c, tasks.NewClaim("p", "h"), "", ""); err != nil {
				t.Error(err)
			} else if v == tasks.Won {
				won[at[c.ID]].Add(1)
			}
		}
	})
	for i := range won {
		if n := won[i].Load(); n != 1 {
			t.Errorf("document %d was claimed %d times", i, n)
		}
	}
}

// BenchmarkAdopt compares adoption of a page with that of its documents one by
// one.
func BenchmarkAdopt(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(fmt.Sprintf("one by one/%d", n), func(b *testing.B) {
			s := taskstest.Store(b)
			for b.Loop() {
				b.StopTimer()
				ids := insertHand(b, s, n)
				b.StartTimer()
				for _, id := range ids {
					if _, err := s.Adopt(b.Context(), id); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
		b.Run(fmt.Sprintf("many/%d", n), func(b *testing.B) {
			s := taskstest.Store(b)
			for b.Loop() {
				b.StopTimer()
				insertHand(b, s, n)
				b.StartTimer()
				if _, found, err := s.AdoptMany(b.Context(), []string{"Hand"}, n); err != nil || found != n {
					b.Fatal(found, err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
