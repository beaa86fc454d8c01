package tasks_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// monitored runs f on a prepared store with a client of its own and returns the
// commands that f sent.
func monitored(t testing.TB, uri string, f func(*tasks.Store)) (*tasks.Store, []bson.Raw) {
	t.Helper()
	s, record := monitoredStore(t, uri)
	return s, record(func() { f(s) })
}

func monitoredStore(t testing.TB, uri string) (*tasks.Store, func(func()) []bson.Raw) {
	t.Helper()
	var mu sync.Mutex
	var commands []bson.Raw
	c, err := mongo.Connect(options.Client().ApplyURI(uri).SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		mu.Lock()
		defer mu.Unlock()
		commands = append(commands, slices.Clone(e.Command))
	}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(context.WithoutCancel(t.Context())) })
	s := tasks.NewStore(c.Database(taskstest.DB(t).Name()), tasks.Options{})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, func(f func()) []bson.Raw {
		mu.Lock()
		commands = nil
		mu.Unlock()
		f()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(commands)
	}
}

// plan is what the server did for a query.
type plan struct {
	Stats struct {
		Returned int `bson:"nReturned"`
		Keys     int `bson:"totalKeysExamined"`
		Docs     int `bson:"totalDocsExamined"`
	} `bson:"executionStats"`
	Planner struct {
		Winning bson.Raw `bson:"winningPlan"`
	} `bson:"queryPlanner"`
}

// explain asks the server how it runs a find or update command that was sent.
func explain(t testing.TB, s *tasks.Store, command bson.Raw) plan {
	t.Helper()
	var doc, bare bson.D
	if err := bson.Unmarshal(command, &doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range doc {
		switch e.Key {
		case "lsid", "$clusterTime", "$db", "$readPreference", "readConcern", "writeConcern", "txnNumber":
		default:
			bare = append(bare, e)
		}
	}
	var p plan
	if err := s.Database().RunCommand(t.Context(), d("explain", bare, "verbosity", "executionStats")).Decode(&p); err != nil {
		t.Fatalf("explaining %v: %v", command, err)
	}
	return p
}

// stages lists the stages of a plan, wherever they are nested.
func stages(v bson.RawValue) (list []string) {
	var elems []bson.RawElement
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		elems, _ = v.Document().Elements()
	case bson.TypeArray:
		values, _ := v.Array().Values()
		for _, inner := range values {
			list = append(list, stages(inner)...)
		}
	}
	for _, e := range elems {
		if e.Key() == "stage" {
			list = append(list, e.Value().StringValue())
		}
		list = append(list, stages(e.Value())...)
	}
	return list
}

const inTheWay = 100_000

var usedPriorities = []int{-100, -1, 0, 7, 100}

// fill puts 100,000 future tasks of the class Ours and 100,000 due ones of a
// class that nobody asks for into the database, and a few that matter.
func fill(t testing.TB, c *mongo.Collection, now time.Time) {
	t.Helper()
	past, future := bson.NewDateTimeFromTime(now.Add(-time.Hour)), now.Add(time.Hour).UnixMilli()
	together(4, func(part int) {
		const batch = 5000
		docs := make([]any, 0, batch)
		for i := range inTheWay / 4 {
			priority := usedPriorities[i%len(usedPriorities)]
			docs = append(docs,
				kwargs(t, d("taskClass", "Ours", "taskName", "", "state", "request", "priority", priority, "tsInsert", past, "tsRequest", bson.DateTime(future+int64(i)))),
				kwargs(t, d("taskClass", "Theirs", "taskName", "", "state", "request", "priority", priority, "tsInsert", past, "tsRequest", past)))
			if len(docs) == batch || i == inTheWay/4-1 {
				if _, err := c.InsertMany(t.Context(), docs, options.InsertMany().SetOrdered(false)); err != nil {
					t.Error(err)
					return
				}
				docs = docs[:0]
			}
		}
		for i := range 50 { // foreign ones of a class that nobody here runs
			if _, err := c.InsertOne(t.Context(), d("taskClass", fmt.Sprint("Foreign", i%3), "state", "request")); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 20 {
		insertRaw(t, c, d("taskClass", "Ours", "taskName", "", "state", "request", "priority", usedPriorities[i%5], "tsInsert", past, "tsRequest", past))
	}
	for range 10 {
		insertRaw(t, c, d("taskClass", "Ours", "state", "request"))
	}
}

// No query reads more than it returns, but for a step at each class and
// priority, whatever else waits.
func TestQueriesReadLittle(t *testing.T) {
	s, record := monitoredStore(t, taskstest.URI(t))
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fill(t, collection(s), now)
	sc, _ := putSchedule(t, s, every(time.Hour), false)
	classes := []string{"Ours", "Absent"}
	seeks := len(classes) * len(usedPriorities)
	h := claim(t, s, first(ensureRun(t, s, sc, time.Time{})))
	for _, c := range []struct {
		name           string
		run            func() error
		returned, more int // at most, and keys beyond those returned
	}{
		{"Candidates of a page", func() error {
			_, err := s.Candidates(t.Context(), tasks.Query{Classes: classes, Limit: 10})
			return err
		}, 10, seeks + 2},
		{"all Candidates", func() error {
			_, err := s.Candidates(t.Context(), tasks.Query{Classes: classes, Limit: 1000, Blocked: []string{"Mail/n"}})
			return err
		}, 20, seeks + 2},
		{"Upcoming", func() error { _, err := s.Upcoming(t.Context(), now, 100); return err }, 100, 2},
		{"Foreign", func() error { _, err := s.Foreign(t.Context(), classes, 500); return err }, 10, 4*seeks + 4},
		{"runs of a name", func() error { _, _, err := s.EnsureRun(t.Context(), sc, now); return err }, 1, 4},
		{"a named insert", func() error { _, _, err := s.InsertNamed(t.Context(), batch(s)); return err }, 2, 4},
		{"a successor", func() error { return s.Succeed(t.Context(), h, sc, now) }, 1, 2},
		{"runs of a name again", func() error { _, _, err := s.EnsureRun(t.Context(), sc, now); return err }, 2, 4},
		{"a named insert again", func() error { _, _, err := s.InsertNamed(t.Context(), batch(s)); return err }, 2, 4},
		{"cancelling", func() error { _, _, err := s.CancelWaiting(t.Context(), "Mail/n", "x"); return err }, 1, 2},
		{"a singleton", func() error {
			_, err := s.RefuseSingleton(t.Context(), tasks.Candidate{ID: tasks.NewID(), Kwargs: kwargs(t, d())}, "Mail/n")
			return err
		}, 1, 2},
		{"an audit", func() error { _, _, err := s.Audit(t.Context(), []tasks.Schedule{sc}, now); return err }, 1, 4},
		{"a claim of many", func() error {
			_, err := s.ClaimMany(t.Context(), []tasks.ID{tasks.NewID(), tasks.NewID()}, []string{"p", "p"}, tasks.NewClaim("", "h"))
			return err
		}, 0, 4},
	} {
		seen := 0
		for _, command := range record(func() {
			if err := c.run(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}) {
			if verb := command.Index(0); verb.Value().StringValue() == "tasks" && (verb.Key() == "find" || verb.Key() == "update") {
				seen++
				checkPlan(t, c.name, explain(t, s, command), c.returned, c.more)
			}
		}
		if seen == 0 {
			t.Errorf("%s: no query was seen", c.name)
		}
	}
}

func checkPlan(t testing.TB, name string, p plan, returned, more int) {
	t.Helper()
	used := stages(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: p.Planner.Winning})
	if slices.Contains(used, "COLLSCAN") || slices.Contains(used, "SORT") || len(used) == 0 {
		t.Errorf("%s: the plan is %v", name, used)
	}
	if p.Stats.Keys > p.Stats.Returned+more || p.Stats.Docs > p.Stats.Returned+more || p.Stats.Returned > returned {
		t.Errorf("%s: %d returned, %d keys and %d documents read (at most %d more): %v", name, p.Stats.Returned, p.Stats.Keys, p.Stats.Docs, more, used)
	}
	t.Logf("%s: %d returned, %d keys, %d documents", name, p.Stats.Returned, p.Stats.Keys, p.Stats.Docs)
}
