// Package nearest finds the known word somebody probably meant, for "did you
// mean" in error messages. It is pure and never fails: no word near enough is
// the empty string.
package nearest

import "strings"

// Word returns the known word that is closest to word, ignoring case, or "" if
// none is within max insertions, deletions, replacements or swaps of
// neighbouring bytes. Of several equally close ones the first in the order of
// bytes wins.
func Word(word string, known []string, max int) string {
	best, distance := "", max+1
	lower := strings.ToLower(word)
	for _, candidate := range known {
		d := between(lower, strings.ToLower(candidate), max)
		if d < distance || d == distance && best != "" && candidate < best {
			best, distance = candidate, d
		}
	}
	return best
}

// between returns the edit distance of a and b, or max+1 if their lengths alone
// put it above max.
func between(a, b string, max int) int {
	if d := len(a) - len(b); d > max || -d > max {
		return max + 1
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
