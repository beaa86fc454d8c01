package tasks_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

var uuid = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("0123456789abcdef")}

// usableIDs are values that a task's _id may have, with their text.
var usableIDs = []struct {
	value any
	text  string
}{
	{bson.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, "0102030405060708090a0b0c"},
	{"a string", "a string"},
	{"1", "1"},
	{strings.Repeat("x", 128), strings.Repeat("x", 128)},
	{"NUL \x00 and ü", "NUL \x00 and ü"},
	{int32(-7), "-7"},
	{int64(1) << 60, "1152921504606846976"},
	{uuid, "30313233343536373839616263646566"},
}

// unusableIDs are values that the server takes as an _id, but no task has.
var unusableIDs = map[string]any{
	"subdocument":    bson.D{{Key: "a", Value: 1}},
	"long string":    strings.Repeat("x", 129),
	"empty string":   "",
	"invalid UTF-8":  "\xff\xfe",
	"generic binary": bson.Binary{Data: []byte("0123456789abcdef")},
	"short UUID":     bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("short")},
	"old UUID":       bson.Binary{Subtype: bson.TypeBinaryUUIDOld, Data: []byte("0123456789abcdef")},
	"double":         1.5,
	"boolean":        true,
	"null":           nil,
	"date":           bson.DateTime(0),
	"decimal":        bson.NewDecimal128(0, 1),
}

func TestIDRoundTrip(t *testing.T) {
	seen := map[tasks.ID]bool{}
	for _, c := range usableIDs {
		id := anyID(t, c.value)
		if id.IsZero() || id.String() != c.text {
			t.Errorf("%v: text %q, want %q", c.value, id, c.text)
		}
		if seen[id] {
			t.Errorf("%v equals another ID", c.value)
		}
		seen[id] = true
		raw, err := bson.Marshal(tasks.Due{ID: id})
		if err != nil {
			t.Fatalf("%v: %v", c.value, err)
		}
		var back tasks.Due
		if err := bson.Unmarshal(raw, &back); err != nil || back.ID != id {
			t.Errorf("%v came back as %v, %v", c.value, back.ID, err)
		}
		if text, err := id.MarshalText(); err != nil || string(text) != c.text {
			t.Errorf("%v: JSON text %q, %v", c.value, text, err)
		}
	}
	if s, err := tasks.StringID("1"); err != nil || s == anyID(t, int32(1)) {
		t.Errorf("the string 1 and the integer 1 are one ID: %v", err)
	}
	if a, b := tasks.NewID(), tasks.NewID(); a == b {
		t.Errorf("NewID returned %s twice", a)
	}
}

func TestIDZero(t *testing.T) {
	var id tasks.ID
	if !id.IsZero() || id.String() != "" {
		t.Errorf("the zero ID is %q", id)
	}
	raw, err := bson.Marshal(bson.D{{Key: "x", Value: id}})
	if err != nil || bson.Raw(raw).Lookup("x").Type != bson.TypeNull {
		t.Errorf("the zero ID is written as %v, %v", bson.Raw(raw), err)
	}
}

func TestStringIDRefuses(t *testing.T) {
	for _, s := range []string{"", strings.Repeat("ü", 65), "\xff", "a\xc3"} {
		id, err := tasks.StringID(s)
		var invalid *tasks.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "_id" || !id.IsZero() {
			t.Errorf("StringID(%q) = %q, %v", s, id, err)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("StringID of %d bytes: an error of %d bytes", len(s), len(err.Error()))
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "0102030405060708090a0b0c", "0102030405060708090A0B0C", "x:000000000001", "\xff", strings.Repeat("y", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := tasks.ParseID(s)
		if bad := s == "" || len(s) > 128 || !utf8.ValidString(s); bad != (err != nil) {
			t.Fatalf("ParseID(%q): %v", s, err)
		}
		if err != nil {
			if !id.IsZero() {
				t.Fatalf("ParseID(%q) failed with an ID", s)
			}
			return
		}
		if text := id.String(); !strings.EqualFold(text, s) {
			t.Fatalf("ParseID(%q) reads back as %q", s, text)
		}
		if again, err := tasks.ParseID(id.String()); err != nil || again != id {
			t.Fatalf("ParseID(%q): not stable: %v, %v", s, again, err)
		}
	})
}
