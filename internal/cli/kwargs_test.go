package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/tasksocket"
)

func TestKwargsDocument(t *testing.T) {
	for _, tt := range []struct {
		whole string
		pairs []string
		want  string
	}{
		{"", nil, ""},
		{"{}", nil, "{}"},
		{"", []string{"copies=2", "to=bob", "f=1.50", "neg=-3"}, `{"copies":2,"to":"bob","f":1.50,"neg":-3}`},
		{"", []string{`zip=01234`, `code="5"`, `quoted="a b"`}, `{"zip":"01234","code":"5","quoted":"a b"}`},
		{"", []string{"ok=true", "none=null", "True=True", "NaN=NaN", "plus=+1"}, `{"ok":true,"none":null,"True":"True","NaN":"NaN","plus":"+1"}`},
		{"", []string{"empty=", "eq=a=b=c", "space= x ", "utf=ü\n"}, `{"empty":"","eq":"a=b=c","space":" x ","utf":"ü\n"}`},
		{"", []string{`ids=[1,2]`, `broken=[1,2`, `doc={"a":{"$date":"2026-03-29T02:30:00Z"}}`},
			`{"ids":[1,2],"broken":"[1,2","doc":{"a":{"$date":"2026-03-29T02:30:00Z"}}}`},
		{"", []string{"a.b=1", "$x=1", `q"=1`, "-n=1"}, `{"a.b":1,"$x":1,"q\"":1,"-n":1}`},
		{`{"a":1,"b":2}`, []string{"b=3", "c=4"}, `{"a":1,"b":3,"c":4}`},
		{" {\n\"\\u0061\" : 1 ,\t\"b\":[ 2 ]}", []string{"a=2"}, `{"a":2,"b":[ 2 ]}`},
		{`{"\ud800":1}`, []string{"a=1"}, `{"\ud800":1,"a":1}`}, // what is wrong with it stays to be found
		{`{"a":9007199254740993}`, nil, `{"a":9007199254740993}`},
	} {
		got, err := kwargsDocument([]byte(tt.whole), tt.pairs)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s %q: %s, %v; want %s", tt.whole, tt.pairs, got, err, tt.want)
		}
	}
}

func TestKwargsDocumentRefuses(t *testing.T) {
	for _, tt := range []struct {
		whole string
		pairs []string
		part  string
	}{
		{"", []string{"bob"}, `"bob" is no kwarg: write KEY=VALUE`},
		{"", []string{""}, `"" is no kwarg`},
		{"", []string{"=5"}, `"=5" has no key`},
		{"", []string{"a=1", "a=2"}, `the kwarg "a" is given twice`},
		{"", []string{"a=\xff"}, `is not UTF-8`},
		{"{}", []string{"x"}, `"x" is no kwarg`},
		{" ", nil, "--kwargs is empty"},
		{"{", nil, "--kwargs is not JSON"},
		{"{} {}", nil, "--kwargs is not JSON"},
		{"[1]", nil, "--kwargs is no JSON object"},
		{"5", nil, "--kwargs is no JSON object"},
		{"null", nil, "--kwargs is no JSON object"},
		{`{"a":1,"a":2}`, nil, `--kwargs has the key "a" twice`},
		{`{"a":1,"\u0061":2}`, nil, `--kwargs has the key "a" twice`},
	} {
		_, err := kwargsDocument([]byte(tt.whole), tt.pairs)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.part) {
			t.Errorf("%s %q: %v; want %q", tt.whole, tt.pairs, err, tt.part)
		}
	}
}

func TestReadAll(t *testing.T) {
	if _, err := readAll(strings.NewReader(strings.Repeat("x", tasksocket.MaxBody))); err != nil {
		t.Error(err)
	}
	if _, err := readAll(strings.NewReader(strings.Repeat("x", tasksocket.MaxBody+1))); exitCode(err) != exitUsage {
		t.Errorf("too much: %v", err)
	}
	if _, err := readAll(iotest.ErrReader(errors.New("gone"))); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("%v", err)
	}
}

// FuzzKwargsDocument looks for arguments that make no JSON, that lose a value,
// or that are taken though the call would choke on them.
func FuzzKwargsDocument(f *testing.F) {
	f.Add(`{"a":1}`, "a=2", "b=x")
	f.Add(`{ "a" : [ {"b":null} ] , "\ud83d\ude00":"é" }`, "a={", `c="5"`)
	f.Add("", "a=1e999", "b=12345678901234567890")
	f.Fuzz(func(t *testing.T, whole, first, second string) {
		doc, err := kwargsDocument([]byte(whole), []string{first, second})
		if err != nil {
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Fatal(err)
			}
			return
		}
		var values map[string]json.RawMessage
		if err := json.Unmarshal(doc, &values); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		key, text, _ := strings.Cut(first, "=")
		want, err := parseValue(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := values[key]; !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
			t.Fatalf("%q became %s", first, got)
		}
		call := lgtask.Call{Verb: "create", Class: "Fuzz", Kwargs: doc}
		if err := call.Validate(); err != nil && !errors.Is(err, lgtask.ErrInvalidTask) {
			t.Fatal(err)
		}
	})
}
