package taskstest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	taskstest.Close()
	os.Exit(code)
}

// recorder is a test that takes notes of its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, a ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}

// Each broken rule is found, and what follows the rules is not.
func TestCheckInvariants(t *testing.T) {
	now, token := bson.NewDateTimeFromTime(time.Now()), bson.NewObjectID()
	for word, set := range map[string]bson.M{
		"":                        {},
		"unknown state":           {"state": "bogus"},
		"holder":                  {"holder": "h"},
		"claimed without a token": {"state": "working", "holder": "h"},
		"succeeded without":       {"state": "success", "tsStop": now},
		"tsStop":                  {"state": "error"},
		"expireAt":                {"expireAt": now},
		"pendingKey":              {"state": "working", "holder": "h", "claim": bson.M{"token": token}, "pendingKey": "Mail/"},
		"both keys":               {"pendingKey": "Mail/", "runningKey": "Mail/"},
		"runningKey":              {"runningKey": "Other/"},
		"due only at":             {"state": "working", "holder": "h", "claim": bson.M{"token": token}, "tsStart": bson.DateTime(0)},
		"errors kept":             {"errors": bson.A{bson.M{}, bson.M{}, bson.M{}, bson.M{}, bson.M{}, bson.M{}}},
	} {
		s := taskstest.Store(t)
		task := &tasks.Task{TaskClass: "Mail"}
		if err := s.Insert(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		if len(set) > 0 {
			if _, err := s.Database().Collection("tasks").UpdateByID(t.Context(), task.ID, bson.M{"$set": set}); err != nil {
				t.Fatal(err)
			}
		}
		r := &recorder{TB: t}
		taskstest.CheckInvariants(t.Context(), r, s.Database())
		if found := strings.Join(r.failures, "\n"); (found == "") != (word == "") || !strings.Contains(found, word) {
			t.Errorf("%q: found %q", word, found)
		}
		if err := s.Database().Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Two runs of a name that share a key, as they might without the indexes.
func TestCheckInvariantsOfKeys(t *testing.T) {
	db := taskstest.DB(t)
	for _, field := range []string{"pendingKey", "runningKey"} {
		for range 2 {
			if _, err := db.Collection("tasks").InsertOne(t.Context(), bson.M{"v": 1, "taskClass": "Mail", "state": "request", field: "Mail/" + field}); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := &recorder{TB: t}
	taskstest.CheckInvariants(t.Context(), r, db)
	if len(r.failures) != 2 || !strings.Contains(r.failures[0]+r.failures[1], "share the key Mail/pendingKey") {
		t.Errorf("found %q", r.failures)
	}
	if err := db.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEventually(t *testing.T) {
	n := 0
	taskstest.Eventually(t, "the third look", func() bool { n++; return n == 3 })
	if n != 3 {
		t.Errorf("%d looks", n)
	}
}
