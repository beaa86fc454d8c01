package job

import (
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestDocumentIsThatOfTheCall compares field by field what CreateTask stores
// with what the raw inserts write.
func TestDocumentIsThatOfTheCall(t *testing.T) {
	db := taskstest.DB(t)
	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	res, err := lgtask.Create(t.Context(), conn, New(7))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := db.Collection("tasks").FindOne(t.Context(), bson.D{{Key: "_id", Value: res.ID}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := Document(7, time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bson.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{"_id": true, "tsInsert": true, "tsRequest": true}
	want, err := stored.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range want {
		got := bson.Raw(raw).Lookup(e.Key())
		if got.Type != e.Value().Type || !own[e.Key()] && !got.Equal(e.Value()) {
			t.Errorf("%s is %s; the call writes %s", e.Key(), got, e.Value())
		}
	}
	if len(raw) != len(stored) {
		t.Errorf("the document has %d bytes; the call writes %d", len(raw), len(stored))
	}
}

func TestRunNotesTheStart(t *testing.T) {
	b, err := board.Create(filepath.Join(t.TempDir(), "board"), 8)
	if err != nil {
		t.Fatal(err)
	}
	NoteOn(b)
	if err := New(7).Run(t.Context(), nil); err != nil || b.Starts(7) != 1 || b.Total() != 1 {
		t.Errorf("%v, %d starts", err, b.Starts(7))
	}
	NoteOn(nil)
	if err := New(7).Run(t.Context(), nil); err == nil {
		t.Error("a start without a board is no error")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	r := lgtask.NewRegistry()
	Register(r, NoopClass)
	Register(r, OtherClass)
	if got := r.Classes(); len(got) != 2 || got[0] != NoopClass || got[1] != OtherClass {
		t.Errorf("classes %v", got)
	}
}
