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
	Waits  bool
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
	for _, in := range all {
		if in.Code == 0 {
			checkCase(t, db, in, lgtask.StateError)
		}
	}
	es := checkRan(t, db, all)
	for _, e := range es {
		// A due time in the past, or none, is the time of the insert.
		from := max(e.Sent, e.Due.UnixNano())
		if e.Due.Before(time.Unix(0, e.Sent).Add(time.Second)) {
			from = e.Sent
		}
		if e.Sent != 0 {
			late = append(late, time.Duration(e.Start-from))
		}
	}
	logPercentiles(t, "from Python", late)
	if most := late[len(late)-1]; most > time.Second {
		t.Errorf("a task waited %v", most)
	}
}

func TestPythonInsertsBeforeAProcessorStarts(t *testing.T) {
	t.Parallel()
	dir := installPymongo(t)
	db, conn := setup(t)
	all := insertByPython(t, dir, db)
	var waiting int64
	for _, in := range all {
		if in.Waits {
			waiting++
		}
	}
	p := start(t, db, childConfig{Name: "python", Processors: 4})
	eventually(t, "the end of what is looked for", func() bool { return count(t, conn, live) == waiting })
	stopAll(t, []*process{p})
	for _, in := range all {
		switch {
		case in.Code != 0:
			t.Errorf("%s: refused with code %d by a collection without a schema", in.Case, in.Code)
		case in.Waits:
			checkCase(t, db, in, lgtask.StateRequest)
		default:
			checkCase(t, db, in, lgtask.StateError)
		}
	}
	checkRan(t, db, all)
}

// checkCase wants a malformed document to be in the given state, and to say why
// if that is a final one.
func checkCase(t *testing.T, db *mongo.Database, in inserted, want lgtask.State) {
	t.Helper()
	if in.Reason == "" {
		return
	}
	task := caseTask(t, db, in.Case)
	if task.State != want || want.Final() && !strings.Contains(task.LastLog, in.Reason) {
		t.Errorf("%s: state %s, %q", in.Case, task.State, task.LastLog)
	}
}

// checkRan wants the good documents, and only these, to have run once, and the
// server to have refused none but those of which its schema speaks. It returns
// the runs.
func checkRan(t *testing.T, db *mongo.Database, all []inserted) []effect {
	t.Helper()
	es := runs(t, db)
	byTask := checkRuns(t, es)
	good := 0
	for _, in := range all {
		if in.Code != 0 && (in.Code != documentValidation || !in.Schema) {
			t.Errorf("%s: the server refused it with code %d", in.Case, in.Code)
		}
		if in.Reason != "" || in.Code != 0 {
			continue
		}
		good++
		task := caseTask(t, db, in.Case)
		e, ran := byTask[task.ID]
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
