package tasks_test

import (
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// asWritten is a document as lgtask writes it.
func asWritten(more ...any) bson.D {
	at := bson.NewDateTimeFromTime(time.UnixMilli(1_700_000_000_123))
	doc := d("_id", bson.NewObjectID(), "taskClass", "Noop", "taskName", "", "priority", int32(-5), "tsInsert", at, "tsRequest", at+1,
		"kwargs", d("n", int64(7), "text", "x"))
	return append(doc, d(more...)...)
}

func TestPlainCandidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		doc   bson.D
		plain bool
	}{
		{"as written", asWritten(), true},
		{"a retry", asWritten("attempt", int32(2), "maxAttempts", int32(3), "crashes", int32(1), "runningKey", "k"), true},
		{"a batch", asWritten("pendingKey", "k"), true},
		{"kwargs not read", asWritten()[:6], true},
		{"a scheduled run", asWritten("schedule", d("uid", bson.NewObjectID(), "n", int64(3))), false},
		{"a wider number", asWritten("attempt", int64(2)), false},
		{"a field twice", asWritten("taskName", "b"), false},
		{"a name that is none", append(asWritten()[:2], append(d("taskName", "a\x00b"), asWritten()[3:]...)...), false},
		{"no name", append(asWritten()[:2], asWritten()[3:]...), false},
		{"negative", asWritten("crashes", int32(-1)), false},
		{"a string _id", append(d("_id", "x"), asWritten()[1:]...), false},
		{"empty", d(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := bson.Marshal(c.doc)
			if err != nil {
				t.Fatal(err)
			}
			if plain := checkCandidate(t, raw); plain != c.plain {
				t.Errorf("plain: %v", plain)
			}
		})
	}
}

// checkCandidate compares the quick way of reading a document with the general
// one, and reports whether the quick one took it.
func checkCandidate(t *testing.T, raw bson.Raw) bool {
	t.Helper()
	quick, ok := tasks.PlainCandidate(raw)
	if !ok {
		return false
	}
	slow, err := tasks.GeneralCandidate(raw)
	if err != nil {
		t.Errorf("taken though the general way says: %v", err)
	}
	if !reflect.DeepEqual(quick, slow) {
		t.Errorf("%+v, the general way %+v", quick, slow)
	}
	return true
}

func FuzzPlainCandidate(f *testing.F) {
	for _, doc := range []bson.D{asWritten(), asWritten("attempt", int32(2), "crashes", int32(1), "pendingKey", "k"), asWritten()[:6], d("a", 1)} {
		raw, err := bson.Marshal(doc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkCandidate(t, raw) })
}

func BenchmarkDecodeCandidate(b *testing.B) {
	raw, err := bson.Marshal(asWritten())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tasks.PlainCandidate(raw)
		}
	})
	b.Run("general", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tasks.GeneralCandidate(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
