package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shownDifferences bounds what the message of a mismatch lists.
const shownDifferences = 5

// compare returns an error that lists the packages whose sums differ from what
// they should be.
func compare(want, got map[string]total) error {
	names := maps.Clone(want)
	maps.Copy(names, got)
	var differences []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, wanted := want[name]
		g, there := got[name]
		switch {
		case !there:
			differences = append(differences, name+" is missing")
		case !wanted:
			differences = append(differences, name+" should not be there")
		case w != g:
			differences = append(differences, fmt.Sprintf("%s has %s instead of %s", name, g, w))
		}
	}
	if len(differences) == 0 {
		return nil
	}
	n := len(differences)
	return fmt.Errorf("the sums of %d packages are not those of a direct count (or the files changed meanwhile): %s",
		n, strings.Join(differences[:min(n, shownDifferences)], "; "))
}

// String implements fmt.Stringer.
func (t total) String() string {
	return fmt.Sprintf("%d files, %d lines, %d words, %d bytes", t.Files, t.Counts.Lines, t.Counts.Words, t.Counts.Bytes)
}
