package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	topPackages = 10 // in the report
	nameWidth   = 41 // of a package in it
)

// table returns the report: the packages with the most lines, the rest in one
// row, and the sum.
func table(packages map[string]total, top int) string {
	names := slices.SortedFunc(maps.Keys(packages), func(a, b string) int {
		if d := packages[b].Counts.Lines - packages[a].Counts.Lines; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s %6s %9s %10s %11s\n", nameWidth, "package", "files", "lines", "words", "bytes")
	for _, name := range names[:min(top, len(names))] {
		b.WriteString(row(name, packages[name]))
	}
	if len(names) > top {
		var rest total
		for _, name := range names[top:] {
			rest.add(packages[name])
		}
		b.WriteString(row("and "+grouped(int64(len(names)-top))+" more", rest))
	}
	b.WriteString(row("total", sumOf(packages)))
	return b.String()
}

func row(name string, t total) string {
	return fmt.Sprintf("%-*s %6s %9s %10s %11s\n", nameWidth, cutLeft(name, nameWidth),
		grouped(t.Files), grouped(t.Counts.Lines), grouped(t.Counts.Words), grouped(t.Counts.Bytes))
}

// cutLeft shortens s to width runes; the end of a path tells most.
func cutLeft(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return "…" + string(r[len(r)-width+1:])
}
