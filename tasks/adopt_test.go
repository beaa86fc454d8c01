package tasks_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// bareStore is a store over a collection that another program made before: it
// has no validator.
func bareStore(t testing.TB) *tasks.Store {
	t.Helper()
	db := taskstest.DB(t)
	if err := db.CreateCollection(t.Context(), "tasks"); err != nil {
		t.Fatal(err)
	}
	s := tasks.NewStore(db, tasks.Options{})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func foreign(t testing.TB, s *tasks.Store, classes ...string) []tasks.ID {
	t.Helper()
	ids, err := s.Foreign(t.Context(), classes, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestAdoptMinimalDocuments(t *testing.T) {
	s := taskstest.Store(t)
	for _, c := range usableIDs {
		id := insertRaw(t, collection(s), d("_id", c.value, "taskClass", "Hand", "state", "request"))
		if found := foreign(t, s, "Hand", "Other"); len(found) != 1 || found[0] != id {
			t.Errorf("%v: found %v", c.value, found)
		}
		before := serverTime(t, s)
		got, err := s.Adopt(t.Context(), id)
		if err != nil || got.ID != id || got.TaskClass != "Hand" || got.TaskName != "" || !tasks.KwargsEqual(got.Kwargs, kwargs(t, d())) {
			t.Fatalf("%v: %+v, %v", c.value, got, err)
		}
		task := get(t, s, id)
		if task.V != tasks.Version || task.Priority != 0 || task.TsInsert.Before(before) || task.TsRequest.Before(before) || task.TsRequest.After(serverTime(t, s)) {
			t.Errorf("%v: %+v", c.value, task)
		}
		if again, err := s.Adopt(t.Context(), id); err != nil || again.ID != id {
			t.Errorf("%v: again: %v", c.value, err)
		}
		if found := foreign(t, s, "Hand"); len(found) != 0 {
			t.Errorf("%v: still foreign", c.value)
		}
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Success})
		if task := get(t, s, id); task.State != tasks.Success {
			t.Errorf("%v: %+v", c.value, task)
		}
	}
}

func TestAdoptKeepsWhatIsThere(t *testing.T) {
	s := taskstest.Store(t)
	due := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	id := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request", "taskName", "n", "kwargs", d("a", "$$NOW"),
		"tsRequest", due, "tsInsert", due, "attempt", 1.0, "maxAttempts", int64(3), "colour", "red"))
	c, err := s.Adopt(t.Context(), id)
	if err != nil || c.TaskName != "n" || !c.TsRequest.Equal(due) || c.Attempt != 1 || c.MaxAttempts != 3 || !tasks.KwargsEqual(c.Kwargs, kwargs(t, d("a", "$$NOW"))) {
		t.Errorf("%+v, %v", c, err)
	}
	raw, err := collection(s).FindOne(t.Context(), d("_id", id)).Raw()
	if err != nil || raw.Lookup("colour").StringValue() != "red" {
		t.Errorf("a field of others is gone: %v, %v", raw, err)
	}
}

// handWritten are waiting documents with one odd field. word is in the reason of
// those that cannot run.
func handWritten(t testing.TB) []struct {
	field, word string
	value       any
} {
	type row = struct {
		field, word string
		value       any
	}
	var rows []row
	for field, usable := range map[string][]any{
		"v":        {1, int64(1), 1.0, nil, "x", bson.A{}},
		"taskName": {"n", "", strings.Repeat("n", 512), nil}, "kwargs": {d(), d("a", 1), nil},
		"priority":  {100, -100, 0.0, int64(7), nil},
		"tsRequest": {bson.DateTime(1), nil}, "tsInsert": {bson.DateTime(1), nil},
		"attempt": {0, 3.0, nil}, "maxAttempts": {0, int64(9), nil}, "crashes": {0, 2, nil},
		"schedule": {d("uid", bson.NewObjectID(), "n", 1), nil}, "pendingKey": {nil, nil}, "runningKey": {nil, nil}, "processor": {5}, "lastLog": {5}, "errors": {"x"}, "claim": {"x"},
	} {
		for _, v := range usable {
			rows = append(rows, row{field, "", v})
		}
	}
	// No value of these is of use in any of these fields.
	wrong := []any{bson.A{}, bson.A{5}, bson.A{bson.DateTime(1)}, true, bson.MinKey{}, bson.MaxKey{}, bson.Regex{}, bson.Binary{Data: []byte{1}},
		bson.NewObjectID(), bson.Timestamp{T: 1}, math.NaN(), 1.5, int64(1) << 40, bson.NewDecimal128(0, 1)}
	for field, more := range map[string][]any{
		"taskName": {5, strings.Repeat("n", 513), "a\nb", "\xff"}, "kwargs": {"x", 5, d("a", "\xff"), nest(33, false)},
		"priority": {"high", d("a", 1), 101, -101}, "tsRequest": {"2020-01-01", 5, d("a", 1)}, "tsInsert": {"x", 5},
		"attempt": {"x", -1}, "maxAttempts": {"x", -1}, "crashes": {"x", -1}, "taskClass": {5, d("a", 1), nil},
		"schedule": {"x", d("uid", 5)}, "pendingKey": {5, 5}, "runningKey": {5, 5},
	} {
		for _, v := range append(slices.Clone(wrong), more...) {
			word := field
			if _, inside := v.(bson.D); inside && field == "schedule" {
				word = "schedule.uid"
			}
			rows = append(rows, row{field, word, v})
		}
	}
	return rows
}

// Each odd document either runs or ends with a reason that names the field, by
// way of Adopt, and is seen without an event too, by way of Foreign, Candidates
// or Upcoming.
func TestAdoptHandWrittenDocuments(t *testing.T) {
	s := bareStore(t)
	due := bson.NewDateTimeFromTime(time.Now().Add(-time.Minute))
	for _, full := range []bool{false, true} {
		for i, row := range handWritten(t) {
			doc := d("taskClass", "Hand", "state", "request")
			if full {
				doc = append(doc, d("taskName", "", "kwargs", d(), "priority", 1, "tsInsert", due, "tsRequest", due)...)
			}
			doc = slices.DeleteFunc(doc, func(e bson.E) bool { return e.Key == row.field })
			id := insertRaw(t, collection(s), append(doc, bson.E{Key: row.field, Value: row.value}))
			switch i % 3 {
			case 0:
				if c, err := s.Adopt(t.Context(), id); (err == nil) != (row.word == "") || err != nil && err != tasks.ErrNotFound {
					t.Errorf("full %v, %s %v: adopted: %+v, %v", full, row.field, row.value, c, err)
				}
			case 1:
				if cs, err := s.AdoptThese(t.Context(), []tasks.ID{id}); err != nil || (len(cs) == 1) != (row.word == "") {
					t.Errorf("full %v, %s %v: adopted with others: %+v, %v", full, row.field, row.value, cs, err)
				}
			default:
				sweep(t, s)
			}
			checkAdopted(t, s, id, fmt.Sprintf("full %v, %s %v", full, row.field, row.value), row.word)
		}
	}
}

// sweep looks at all waiting documents as a processor does without an event.
func sweep(t testing.TB, s *tasks.Store) {
	t.Helper()
	if _, _, err := s.AdoptMany(t.Context(), []string{"Hand"}, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Upcoming(t.Context(), time.UnixMilli(0), 100); err != nil {
		t.Fatal(err)
	}
	candidates(t, s, tasks.Query{Classes: []string{"Hand"}})
	if left := foreign(t, s, "Hand"); len(left) > 0 {
		t.Errorf("still foreign: %v", left)
	}
}

// checkAdopted expects a task to have run, or to have ended for the reason.
func checkAdopted(t testing.TB, s *tasks.Store, id tasks.ID, name, word string) {
	t.Helper()
	task := get(t, s, id)
	if word == "" {
		if task.State != tasks.Request {
			t.Errorf("%s: %s, %s", name, task.State, task.LastLog)
			return
		}
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Success, Failure: "x"})
		return
	}
	if task.State == tasks.Request && strings.Contains(name, "kwargs") {
		// Kwargs of a type that candidates leave out are met when they are read.
		if kw, err := s.Kwargs(t.Context(), id); err != tasks.ErrNotFound {
			t.Errorf("%s: kwargs %v, %v", name, kw, err)
		}
		task = get(t, s, id)
	}
	if task.State != tasks.Error || !strings.HasPrefix(task.LastLog, "malformed task: ") || !strings.Contains(task.LastLog, word) || len(task.LastLog) > 400 || task.TsStop.IsZero() {
		t.Errorf("%s: %s, %q", name, task.State, task.LastLog)
	}
}

func TestAdoptUnusableID(t *testing.T) {
	s := bareStore(t)
	for name, v := range unusableIDs {
		id := insertRaw(t, collection(s), d("_id", v, "taskClass", "Hand", "state", "request"))
		if c, err := s.Adopt(t.Context(), id); err != tasks.ErrNotFound {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		raw, err := collection(s).FindOne(t.Context(), d("_id", d("$eq", id))).Raw()
		if err != nil || raw.Lookup("state").StringValue() != "error" || !strings.Contains(raw.Lookup("lastLog").StringValue(), "_id") {
			t.Errorf("%s: %v, %v", name, raw, err)
		}
	}
}

func TestAdoptAtOnce(t *testing.T) {
	s := taskstest.Store(t)
	for range 5 {
		id := insertRaw(t, collection(s), d("taskClass", "Hand", "state", "request"))
		var won atomic.Int64
		together(8, func(int) {
			c, err := s.Adopt(t.Context(), id)
			if err == tasks.ErrNotFound {
				return // another has claimed it already
			}
			if err != nil || c.ID != id {
				t.Errorf("%+v, %v", c, err)
				return
			}
			if v, err := s.Claim(t.Context(), c, tasks.NewClaim("p", "h"), "", ""); err != nil {
				t.Error(err)
			} else if v == tasks.Won {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d won", won.Load())
		}
	}
}

func TestAdoptRefusesBadClassNames(t *testing.T) {
	s := taskstest.Store(t)
	for _, class := range []string{"", "a/b", "a b", "a\tb", "a\x00", "\xff", strings.Repeat("c", 513)} {
		id := insertRaw(t, collection(s), d("taskClass", class, "state", "request"))
		if c, err := s.Adopt(t.Context(), id); err != tasks.ErrNotFound {
			t.Errorf("%q: %+v, %v", class, c, err)
		}
		checkAdopted(t, s, id, fmt.Sprintf("%q", class), "taskClass")
	}
}

// Documents without a class wait for nobody, but are not left alone either.
func TestAdoptOnlyOwnClasses(t *testing.T) {
	s := bareStore(t)
	other := insertRaw(t, collection(s), d("taskClass", "Other", "state", "request"))
	for _, class := range []any{nil, 5, bson.A{"Hand"}, bson.A{}, d("$gt", "")} {
		insertRaw(t, collection(s), d("taskClass", class, "state", "request"))
	}
	insertRaw(t, collection(s), d("state", "request"))
	sweep(t, s)
	if n := count(t, s, tasks.Filter{States: []tasks.State{tasks.Error}}); n != 6 {
		t.Errorf("%d ended, want 6", n)
	}
	if found := foreign(t, s, "Other"); len(found) != 1 || found[0] != other {
		t.Errorf("of the other class: %v", found)
	}
	all, err := s.Find(t.Context(), tasks.Filter{})
	if err != nil || len(all) != 7 {
		t.Errorf("a list of %d tasks, %v", len(all), err)
	}
}
