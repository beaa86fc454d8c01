package lgtask

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/tasksocket"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestParseKwargs(t *testing.T) {
	for text, want := range map[string]string{ // in canonical Extended JSON
		`{}`:                                 `{}`,
		`{"a":5,"b":5.0}`:                    `{"a":{"$numberLong":"5"},"b":{"$numberDouble":"5.0"}}`,
		`{"a":[1,{"b":2}]}`:                  `{"a":[{"$numberLong":"1"},{"b":{"$numberLong":"2"}}]}`,
		`{"a":9223372036854775807}`:          `{"a":{"$numberLong":"9223372036854775807"}}`,
		`{"a":{"$numberDecimal":"1e100"}}`:   `{"a":{"$numberDecimal":"1E+100"}}`,
		`{"a":{"$numberDouble":"NaN"}}`:      `{"a":{"$numberDouble":"NaN"}}`,
		`{"a":"\ud83d\ude00","b":"\\ud800"}`: `{"a":"😀","b":"\\ud800"}`,
		`{"a.b":1,"$c":null,"":true}`:        `{"a.b":{"$numberLong":"1"},"$c":null,"":true}`,
		`{"a":{"$timestamp":{"t":1,"i":2}}}`: `{"a":{"$timestamp":{"t":1,"i":2}}}`,
		`{"a":"mongodb://h/db/coll"}`:        `{"a":"mongodb://h/db/coll"}`,
		" {\"a\" :\n\"\\u0000\"} ":           `{"a":"\u0000"}`,
		`{"a":{"$regularExpression":{"pattern":"a+","options":"i"}}}`: `{"a":{"$regularExpression":{"pattern":"a+","options":"i"}}}`,
	} {
		got, err := parseKwargs(json.RawMessage(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if canonical, err := bson.MarshalExtJSON(got, true, false); err != nil || string(canonical) != want {
			t.Errorf("%s: %s, %v; want %s", text, canonical, err, want)
		}
	}
	for _, text := range []string{"", "null", " \n"} {
		if got, err := parseKwargs(json.RawMessage(text)); got != nil || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestParseKwargsRefuses(t *testing.T) {
	for text, part := range map[string]string{
		`{`:                                    "end of JSON",
		`{}{}`:                                 "after top-level value",
		`5`:                                    "object",
		`{"a":1,"a":2}`:                        "appears twice",
		`{"a":12345678901234567890}`:           "does not fit in 64 bits",
		`{"a":1e400}`:                          "too large",
		`{"a":"\ud800"}`:                       `\ud800 is half`,
		`{"a":"\ud800\u0041"}`:                 `\ud800 is half`,
		`{"\udc00":1}`:                         `\udc00 is half`,
		"{\"a\":\"\xff\"}":                     "UTF-8",
		`{"a":{"$oid":"zz"}}`:                  "Extended JSON",
		`{"a":{"$date":{"$numberLong":"-1"}}}`: "1970",
		`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`:         "32 levels",
		`{"a":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`:   "32 levels",
		`{"a":` + strings.Repeat("[", 90_000) + strings.Repeat("]", 90_000) + `}`: "depth",
		`{"a":"` + strings.Repeat("x", 1<<20) + `"}`:                              "at most 1048576",
		`{"a":[{"$binary":{"base64":"","subType":"2"}}]}`:                         "subtype 0",
		`{"a":{"$oid":"mongodb://bob:hunter2@h"}}`:                                "Extended JSON",
	} {
		_, err := parseKwargs(json.RawMessage(text))
		if !errors.Is(err, ErrInvalidTask) || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.60s: %v, want %q", text, err, part)
		}
	}
}

func TestProgressValue(t *testing.T) {
	for text, want := range map[string]any{`5`: int64(5), `"half"`: "half", `0.5`: 0.5, `null`: nil, `true`: true} {
		if got, err := progressValue(json.RawMessage(text)); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if got, err := progressValue(json.RawMessage(`{"done":3}`)); err != nil || got.(bson.D)[0] != (bson.E{Key: "done", Value: int64(3)}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{``, `1,"w":2`, `1}`, `{"$oid":"zz"}`, `1e400`} {
		if _, err := progressValue(json.RawMessage(text)); !errors.Is(err, ErrInvalidTask) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzParseKwargs looks for a text that is accepted and cannot be stored, or
// that comes back as something else.
func FuzzParseKwargs(f *testing.F) {
	for _, text := range []string{`{"a":[1,{"$oid":"507f1f77bcf86cd799439011"}]}`, `{"a":{"$code":"x","$scope":{"b":1}}}`, `{"\u0000":1}`,
		`{"a":{"$binary":{"base64":"AA==","subType":"4"}}}`, `{"a":{"$dbPointer":{"$ref":"a","$id":{"$oid":"507f1f77bcf86cd799439011"}}}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseKwargs(json.RawMessage(text))
		if err != nil {
			if !errors.Is(err, ErrInvalidTask) {
				t.Fatal(err)
			}
			return
		}
		raw, ok := got.(bson.Raw)
		if !ok {
			return // nothing was given
		}
		if err := tasks.CheckKwargs(raw); err != nil {
			t.Fatal(err)
		}
		written, err := bson.MarshalExtJSON(raw, true, false)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseKwargs(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if !tasks.KwargsEqual(raw, again.(bson.Raw)) {
			t.Fatalf("%s became %s", raw, again)
		}
	})
}

func TestDoSocket(t *testing.T) {
	conn, err := New(taskstest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := conn.doSocket(t.Context(), json.RawMessage(`{"verb":"create","class":"Mail","id":"one"}`))
	if err != nil || reply != (tasksocket.Reply{ID: "one", Created: true}) {
		t.Errorf("%+v, %v", reply, err)
	}
	if reply, err = conn.doSocket(t.Context(), json.RawMessage(`{"verb":"unschedule","class":"Mail"}`)); err != nil || reply != (tasksocket.Reply{}) {
		t.Errorf("%+v, %v", reply, err)
	}
	for body, kind := range map[string]tasksocket.Kind{
		`{"verb":"create","class":"Mail","x":1}`:                     tasksocket.InvalidTask,
		`{"verb":"create"}`:                                          tasksocket.InvalidTask,
		`{"verb":"delay","when":"x","class":"Mail"}`:                 tasksocket.InvalidTime,
		`{"verb":"create","class":"Other","id":"one"}`:               tasksocket.TaskExists,
		`{"verb":"batch","when":"now","class":"B","kwargs":{"a":1}}`: "",
		`{"verb":"batch","when":"now","class":"C","kwargs":{"a":1}}`: "",
	} {
		_, err := conn.doSocket(t.Context(), json.RawMessage(body))
		var e *tasksocket.Error
		if errors.As(err, &e) != (kind != "") || e != nil && e.Kind != kind {
			t.Errorf("%s: %v, want %s", body, err, kind)
		}
	}
	_, err = conn.doSocket(t.Context(), json.RawMessage(`{"verb":"batch","when":"now","class":"B","kwargs":{"a":2}}`))
	var e *tasksocket.Error
	if !errors.As(err, &e) || e.Kind != tasksocket.TaskKwargs {
		t.Errorf("other kwargs: %v", err)
	}
	if err := socketError(ErrNotFound); !errors.As(err, &e) || e.Kind != tasksocket.NotFound {
		t.Errorf("not found: %v", err)
	}
	if plain := errors.New("database"); socketError(plain) != plain {
		t.Error("another error got a kind")
	}
}
