package main

import (
	"maps"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	want := map[string]total{"a": {1, counts{1, 2, 3}}, "b": {2, counts{3, 4, 5}}}
	if err := compare(want, maps.Clone(want)); err != nil {
		t.Errorf("equal sums: %v", err)
	}
	got := map[string]total{"b": {2, counts{3, 4, 6}}, "c": {}}
	err := compare(want, got)
	if err == nil {
		t.Fatal("other sums are accepted")
	}
	for _, word := range []string{
		"3 packages", "a is missing", "c should not be there",
		"b has 2 files, 3 lines, 4 words, 6 bytes instead of 2 files, 3 lines, 4 words, 5 bytes",
	} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestCompareIsBrief(t *testing.T) {
	want := map[string]total{}
	for c := 'a'; c <= 'z'; c++ {
		want[string(c)] = total{}
	}
	err := compare(want, nil)
	if err == nil || strings.Count(err.Error(), ";") != shownDifferences-1 || !strings.Contains(err.Error(), "26 packages") {
		t.Errorf("%v", err)
	}
}
