package integration

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// inserted is a line that insert.py prints.
type inserted struct {
	Case   string
	Code   int
	Reason string
	Schema bool
}

// documentValidation is the server's code for a document that the collection's
// schema refuses.
const documentValidation = 121

// insertByPython runs insert.py on db.
func insertByPython(t *testing.T, dir string, db *mongo.Database) []inserted {
	t.Helper()
	lines := json.NewDecoder(bytes.NewReader(python(t, dir, "insert.py", db.Name())))
	var all []inserted
	for lines.More() {
		var one inserted
		if err := lines.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		t.Fatal("insert.py inserted nothing")
	}
	return all
}

func TestPythonInsertsWhileAProcessorListens(t *testing.T) {
	t.Parallel()
	dir := installPymongo(t)
	db, conn := setup(t)
	p := start(t, db, childConfig{Name: "python", Processors: 4})
	all := insertByPython(t, dir, db)
	allEnded(t, conn)
	stopAll(t, []*process{p})
	var late []time.Duration
	for _, e := range checkForeign(t, db, all) {
		sent := e.Due.UnixNano()
		if e.Due.UnixNano() < e.Sent || e.Due.Sub(time.Unix(0, e.Sent)) < time.Second {
			sent = e.Sent // not a delayed one
		}
		if e.Sent == 0 {
			continue // its kwargs do not tell
		}
		late = append(late, time.Duration(e.Start-sent))
		if e.Start-sent > int64(time.Second) {
			t.Errorf("%v passed before this run: %+v", time.Duration(e.Start-sent), e)
		}
	}
	logPercentiles(t, "from Python", late)
}

func TestPythonInsertsBeforeAProcessorStarts(t *testing.T) {
	t.Parallel()
	dir := installPymongo(t)
	db, conn := setup(t)
	all := insertByPython(t, dir, db)
	p := start(t, db, childConfig{Name: "python", Processors: 4})
	allEnded(t, conn)
	stopAll(t, []*process{p})
	checkForeign(t, db, all)
}

// checkForeign wants good documents to have run once and malformed ones to have
// been refused by the schema or ended with a reason. It returns the runs.
func checkForeign(t *testing.T, db *mongo.Database, all []inserted) []effect {
	t.Helper()
	es := runs(t, db)
	byTask := checkRuns(t, es)
	good := 0
	for _, in := range all {
		switch {
		case in.Code == documentValidation && in.Schema:
			continue
		case in.Code != 0:
			t.Errorf("%s: the server refused it with code %d", in.Case, in.Code)
			continue
		}
		task := caseTask(t, db, in.Case)
		e, ran := byTask[task.ID]
		if in.Reason != "" {
			if ran || task.State != lgtask.StateError || !strings.Contains(task.LastLog, in.Reason) {
				t.Errorf("%s: state %s, %q; ran: %v", in.Case, task.State, task.LastLog, ran)
			}
			continue
		}
		good++
		if !ran || task.State != lgtask.StateSuccess || task.V != 1 || task.TsInsert.IsZero() || !task.TsRequest.Equal(e.Due) {
			t.Errorf("%s: %+v, run: %+v", in.Case, task, e)
		}
	}
	if good != len(es) {
		t.Errorf("%d runs of %d good tasks", len(es), good)
	}
	return es
}

// caseTask reads the task that insert.py inserted for a case.
func caseTask(t *testing.T, db *mongo.Database, name string) lgtask.Task {
	t.Helper()
	var task lgtask.Task
	if err := db.Collection("tasks").FindOne(t.Context(), bson.D{{Key: "case", Value: name}}).Decode(&task); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return task
}
