package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCount(t *testing.T) {
	for text, want := range map[string]counts{
		"":                        {},
		"a":                       {0, 1, 1},
		"a\n":                     {1, 1, 2},
		" a  b\t\n\n c":           {2, 3, 10},
		"\n\v\f\r \t":             {1, 0, 6},
		"héllo wörld\xff\x00 x\n": {1, 3, 18},
	} {
		for name, r := range map[string]func() (counts, error){
			"at once":      func() (counts, error) { return count(strings.NewReader(text)) },
			"byte by byte": func() (counts, error) { return count(iotest.OneByteReader(strings.NewReader(text))) },
			"data and end": func() (counts, error) { return count(iotest.DataErrReader(strings.NewReader(text))) },
		} {
			if got, err := r(); got != want || err != nil {
				t.Errorf("%q %s: %+v, %v; want %+v", text, name, got, err, want)
			}
		}
	}
}

func TestCountFails(t *testing.T) {
	broken := errors.New("broken")
	if _, err := count(iotest.ErrReader(broken)); err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestTotalAdd(t *testing.T) {
	sum := total{1, counts{2, 3, 4}}
	sum.add(total{10, counts{20, 30, 40}})
	if want := (total{11, counts{22, 33, 44}}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}

// FuzzCount compares with the standard library, across the edges of the
// buffer.
func FuzzCount(f *testing.F) {
	f.Add([]byte("package main\n\nfunc main() {}\n"), 70<<10)
	f.Add([]byte("é\xff x"), 0)
	f.Fuzz(func(t *testing.T, data []byte, pad int) {
		data = append(bytes.Repeat([]byte("x"), max(0, pad%(200<<10))), data...)
		want := counts{
			Lines: int64(bytes.Count(data, []byte("\n"))),
			Words: int64(len(bytes.FieldsFunc(data, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }))),
			Bytes: int64(len(data)),
		}
		if got, err := count(bytes.NewReader(data)); got != want || err != nil {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}
