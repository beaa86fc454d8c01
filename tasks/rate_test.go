package tasks_test

import (
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestWriteRate(t *testing.T) {
	type reading struct {
		after   time.Duration // the whole second 1000
		second  uint32
		entries uint32
		rate    float64
		known   bool
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		name     string
		readings []reading
	}{
		{"within a second", []reading{{100 * ms, 1000, 500, 0, false}, {200 * ms, 1000, 600, 1000, true}, {600 * ms, 1000, 600, 0, true}}},
		{"once a second", []reading{{900 * ms, 1000, 10, 0, false}, {1800 * ms, 1001, 800, 1000, true}, {2900 * ms, 1002, 9, 10, true}}},
		{"no write for long", []reading{{900 * ms, 1000, 10, 0, false}, {1900 * ms, 1000, 10, 0, true}, {9900 * ms, 1000, 10, 0, true}}},
		{"one second with writes in an hour", []reading{{0, 1000, 1, 0, false}, {time.Hour, 3000, 7200, 4.5, true}}},
		{"the first moment of a second", []reading{{900 * ms, 1000, 10, 0, false}, {1010 * ms, 1001, 300, 0, false}, {1110 * ms, 1001, 400, 1000, true}}},
		// After a step back of the server's clock its logical clock stays ahead.
		{"ahead of the clock", []reading{{900 * ms, 2000, 10, 0, false}, {1900 * ms, 2000, 510, 500, true}, {2900 * ms, 2001, 10, 500, false}, {3900 * ms, 2001, 30, 20, true}}},
		{"another primary", []reading{{900 * ms, 1000, 10, 0, false}, {1400 * ms, 999, 800, 0, false}, {1900 * ms, 1001, 450, 900, true}}},
		{"twice at the same time", []reading{{900 * ms, 1000, 10, 0, false}, {900 * ms, 1000, 20, 0, false}, {1900 * ms, 1001, 90, 100, true}}},
	} {
		var r tasks.WriteRate
		for i, v := range c.readings {
			rate, known := r.Add(tasks.OplogTime{Second: v.second, Entries: v.entries}, time.Unix(1000, 0).Add(v.after))
			if known != v.known || math.Abs(rate-v.rate) > 1e-6 {
				t.Errorf("%s, reading %d: %v, %v; want %v, %v", c.name, i, rate, known, v.rate, v.known)
			}
		}
	}
}

// TestOplogTimeCountsWrites: each document that is written is one more.
func TestOplogTimeCountsWrites(t *testing.T) {
	s := taskstest.Store(t)
	c := collection(s)
	taskstest.Eventually(t, "two readings within a second", func() bool {
		before, err := s.OplogTime(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const n = 50
		docs := make([]any, n)
		for i := range docs {
			docs[i] = d("taskClass", "A", "state", "success")
		}
		if _, err := c.InsertMany(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		_, after, err := s.Waiting(t.Context(), tasks.Query{Classes: []string{"A"}})
		if err != nil {
			t.Fatal(err)
		}
		if after.Second != before.Second {
			if after.Second < before.Second || after.Entries == 0 {
				t.Fatalf("before %+v, after %+v", before, after)
			}
			return false
		}
		if after.Entries < before.Entries+n { // others write too
			t.Fatalf("%d entries after %d writes", after.Entries-before.Entries, n)
		}
		return true
	})
}

func TestWaiting(t *testing.T) {
	s := taskstest.Store(t)
	waiting := func(q tasks.Query) bool {
		t.Helper()
		found, _, err := s.Waiting(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	q := tasks.Query{Classes: []string{"A", "B"}}
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	later := &tasks.Task{TaskClass: "A", TsRequest: now.Add(time.Hour)}
	if err := s.Insert(t.Context(), later, &tasks.Task{TaskClass: "C"}); err != nil {
		t.Fatal(err)
	}
	if waiting(q) {
		t.Error("a task of the future, or of another class, waits")
	}
	named := &tasks.Task{TaskClass: "B", TaskName: "n", PendingKey: "B/n"}
	if err := s.Insert(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	if !waiting(q) {
		t.Error("a due task does not wait")
	}
	q.Blocked = []string{"B/n"}
	if waiting(q) {
		t.Error("a task whose name is going waits")
	}
	if waiting(tasks.Query{Classes: []string{}}) {
		t.Error("a task waits for nobody")
	}
}

// TestWaitingReadsLittle: as often as it is asked, it must cost next to nothing.
func TestWaitingReadsLittle(t *testing.T) {
	s, record := monitoredStore(t, taskstest.URI(t))
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ts []*tasks.Task
	for i := range 3000 {
		ts = append(ts, &tasks.Task{TaskClass: "Ours", Priority: i % 3, TsRequest: now.Add(time.Hour)}, &tasks.Task{TaskClass: "Theirs"})
	}
	if err := s.Insert(t.Context(), ts...); err != nil {
		t.Fatal(err)
	}
	q := tasks.Query{Classes: []string{"Ours", "Absent"}}
	ask := func(returned int) {
		t.Helper()
		commands := record(func() {
			if _, _, err := s.Waiting(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		})
		if len(commands) != 1 {
			t.Fatalf("%d commands: %v", len(commands), commands)
		}
		checkPlan(t, "Waiting", explain(t, s, commands[0]), returned, len(q.Classes)*3+2)
	}
	ask(0)
	insertRaw(t, collection(s), d("taskClass", "Ours", "taskName", "", "state", "request", "priority", 1, "tsInsert", now, "tsRequest", now))
	ask(1)
}

func TestCountListeners(t *testing.T) {
	s := taskstest.Store(t)
	if _, err := s.SyncClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, epoch := range []string{"e1", "e2", "e3", "dead"} {
		join(t, s, epoch, "n-"+epoch)
	}
	if free, _, err := s.TakeName(t.Context(), "n", "e1"); !free || err != nil {
		t.Fatal(free, err)
	}
	processors := s.Database().Collection("processors")
	for epoch, set := range map[string]bson.D{"e3": d("tsBeat", time.Now().Add(-time.Minute)), "dead": d("dead", true)} {
		if _, err := processors.UpdateByID(t.Context(), epoch, d("$set", set)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		classes []string
		alike   int
	}{{[]string{"$A"}, 2}, {[]string{}, 2}, {[]string{"$A", "B"}, 0}} {
		if all, alike, err := s.CountListeners(t.Context(), c.classes); all != 2 || alike != c.alike || err != nil {
			t.Errorf("%q: %d, %d, %v", c.classes, all, alike, err)
		}
	}
}
