package job

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/board"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestDocumentIsThatOfTheCall compares field by field what CreateTask stores
// with what the raw inserts write, for each kind of task.
func TestDocumentIsThatOfTheCall(t *testing.T) {
	db := taskstest.DB(t)
	conn, err := lgtask.New(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []Kind{{}, {Class: OtherClass}, {Class: NapClass}, {Class: NapClass, Priority: 9, Lasts: 2 * time.Millisecond}} {
		res, err := lgtask.Create(t.Context(), conn, k.New(7), lgtask.WithPriority(k.Priority))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := db.Collection("tasks").FindOne(t.Context(), bson.D{{Key: "_id", Value: res.ID}}).Raw()
		if err != nil {
			t.Fatal(err)
		}
		ours, err := k.Document(7, time.Now(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := bson.Marshal(ours)
		if err != nil {
			t.Fatal(err)
		}
		same(t, raw, stored)
	}
}

// same compares two documents, the instants and the identity by type alone.
func same(t *testing.T, raw, stored bson.Raw) {
	t.Helper()
	own := map[string]bool{"_id": true, "tsInsert": true, "tsRequest": true}
	want, err := stored.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range want {
		got := raw.Lookup(e.Key())
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
}

func TestNapTakesItsTime(t *testing.T) {
	b, err := board.Create(filepath.Join(t.TempDir(), "board"), 2)
	if err != nil {
		t.Fatal(err)
	}
	NoteOn(b)
	defer NoteOn(nil)
	began := time.Now()
	if err := (Kind{Class: NapClass, Lasts: 3 * time.Millisecond}).New(0).Run(t.Context(), nil); err != nil || time.Since(began) < 3*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("it is over")
	cancel(over)
	if err := (Kind{Class: NapClass, Lasts: time.Hour}).New(1).Run(ctx, nil); !errors.Is(err, over) || b.Starts(1) != 1 {
		t.Errorf("stopped: %v, %d starts", err, b.Starts(1))
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestRegister(t *testing.T) {
	r := lgtask.NewRegistry()
	if err := Register(r, NoopClass, OtherClass, NapClass); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(r.Classes(), " "), "Nap Noop Other"; got != want {
		t.Errorf("classes %s; want %s", got, want)
	}
	if err := Register(r, "Stranger"); err == nil {
		t.Error("an unknown class is no error")
	}
}
