package tasks_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// readPages reads to the end, by small pages.
func readPages(t *testing.T, s *tasks.Store, q tasks.Query) (all []tasks.Candidate) {
	t.Helper()
	pages, err := s.Pages(t.Context(), q)
	for more := true; more && err == nil; {
		var cs []tasks.Candidate
		cs, more, err = pages.Next(t.Context(), 7)
		all = append(all, cs...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func takeAll(tasks.ID, string, time.Time) bool { return true }

func idsOf(cs []tasks.Candidate) (ids []tasks.ID) {
	for _, c := range cs {
		ids = append(ids, c.ID)
	}
	return ids
}

// A reading returns what Candidates does, but for what is refused, or is of no
// higher priority than was asked for.
func TestPages(t *testing.T) {
	s, record := monitoredStore(t, taskstest.URI(t))
	want := map[tasks.ID]bool{}
	for i := range 50 {
		id := insert(t, s, func(task *tasks.Task) { task.Priority = i % 3 })
		want[id] = i%4 == 0
	}
	waitUntilDue(t, s, 50)
	q := tasks.Query{Classes: []string{"Mail", "Other"}, Limit: 10, Whole: true}
	all, err := s.Candidates(t.Context(), tasks.Query{Classes: q.Classes, Limit: 100})
	if err != nil || len(all) != 50 {
		t.Fatal(len(all), err)
	}
	if got := readPages(t, s, q); !slices.Equal(idsOf(got), idsOf(all)) {
		t.Errorf("read %d of %d, or in another order", len(got), len(all))
	}
	above := tasks.Query{Classes: q.Classes, Limit: 50, Above: new(int)}
	if got := readPages(t, s, above); len(got) != 33 || got[len(got)-1].Priority != 1 {
		t.Errorf("%d tasks of a priority above 0", len(got))
	}
	own := q
	own.Take = func(id tasks.ID, class string, due time.Time) bool {
		return !due.IsZero() && want[id] && class == "Mail"
	}
	var got []tasks.Candidate
	commands := record(func() { got = readPages(t, s, own) })
	all = slices.DeleteFunc(all, func(c tasks.Candidate) bool { return !want[c.ID] })
	if !slices.Equal(idsOf(got), idsOf(all)) || len(got[0].Kwargs) == 0 {
		t.Errorf("took %d of %d, or in another order", len(got), len(all))
	}
	if p := explain(t, s, commands[0]); p.Stats.Docs != 0 || p.Stats.Returned == 0 {
		t.Errorf("%d documents were read to find out which are to be read", p.Stats.Docs)
	}
}

// waitUntilDue waits until the server's clock has reached the instants of tasks
// that were inserted due.
func waitUntilDue(t *testing.T, s *tasks.Store, n int) {
	t.Helper()
	taskstest.Eventually(t, "all tasks to be due", func() bool {
		cs, err := s.Candidates(t.Context(), tasks.Query{Classes: []string{"Mail"}, Limit: n})
		return err == nil && len(cs) == n
	})
}

// Large kwargs are left out, by the reader at first and then by the server.
func TestPagesOfLargeKwargs(t *testing.T) {
	for name, take := range map[string]func(tasks.ID, string, time.Time) bool{"all": nil, "some": takeAll} {
		t.Run(name, func(t *testing.T) {
			s, record := monitoredStore(t, taskstest.URI(t))
			for range 20 {
				insert(t, s, func(task *tasks.Task) { task.Kwargs = kwargs(t, d("text", strings.Repeat("x", 5000))) })
			}
			small := insert(t, s)
			waitUntilDue(t, s, 21)
			for round, projected := range []bool{false, true} {
				var cs []tasks.Candidate
				commands := record(func() {
					cs = readPages(t, s, tasks.Query{Classes: []string{"Mail"}, Limit: 100, Whole: true, Take: take})
				})
				if len(cs) != 21 {
					t.Fatalf("%d of 21", len(cs))
				}
				for _, c := range cs {
					if (c.Kwargs != nil) != (c.ID == small) {
						t.Errorf("kwargs of %d bytes", len(c.Kwargs))
					}
				}
				last := commands[len(commands)-1]
				if _, err := last.LookupErr("projection", "kwargs"); (err == nil) != projected {
					t.Errorf("round %d, sent: %v", round, bson.Raw(last))
				}
			}
		})
	}
}

// A malformed task among others ends, and does not keep them from being read.
func TestPagesWithMalformed(t *testing.T) {
	for _, take := range []func(tasks.ID, string, time.Time) bool{nil, takeAll} {
		s := taskstest.Store(t)
		insert(t, s)
		bad := insertRaw(t, collection(s), d("taskClass", "Mail", "taskName", "", "state", "request", "priority", 1, "tsInsert", s.Clock(), "tsRequest", s.Clock(), "kwargs", 7))
		insert(t, s)
		taskstest.Eventually(t, "both to be read", func() bool {
			return len(readPages(t, s, tasks.Query{Classes: []string{"Mail"}, Limit: 100, Whole: true, Take: take})) == 2
		})
		if task := get(t, s, bad); task.State != tasks.Error {
			t.Errorf("the malformed one is %s", task.State)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Pages(ended, tasks.Query{Classes: []string{"Mail"}, Limit: 1}); err == nil {
			t.Error("read with an ended context")
		}
	}
}
