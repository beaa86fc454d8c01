package kwargs

import (
	"strings"
	"unicode"
)

// Name gives the kwarg name of an exported Go field that carries no name tag:
// its words, the first one in small letters and of every later one only the
// first letter capital. An acronym counts as a word:
//
//	Arg → arg, TaskDB → taskDb, URL → url, HTTPAddr → httpAddr, UserIDs → userIds
func Name(goName string) string {
	var b strings.Builder
	for i, word := range words([]rune(goName)) {
		for j, r := range word {
			if i > 0 && j == 0 {
				b.WriteRune(unicode.ToUpper(r))
			} else {
				b.WriteRune(unicode.ToLower(r))
			}
		}
	}
	return b.String()
}

// words splits an identifier where a small letter or digit is followed by a
// capital, and before the last capital of a run that goes on in small letters
// (HTTPAddr), except for a plural s at its end (IDs).
func words(rs []rune) [][]rune {
	var out [][]rune
	start := 0
	for i := 1; i < len(rs); i++ {
		if !unicode.IsUpper(rs[i]) {
			continue
		}
		afterSmall := !unicode.IsUpper(lastLetter(rs[start:i]))
		beforeSmall := i+1 < len(rs) && unicode.IsLower(rs[i+1]) && !pluralAt(rs, i+1)
		if afterSmall || beforeSmall {
			out = append(out, rs[start:i])
			start = i
		}
	}
	return append(out, rs[start:])
}

// lastLetter is the last rune that is not a digit: digits belong to the word
// before them and do not end it (EC2Host, X509).
func lastLetter(rs []rune) rune {
	for i := len(rs) - 1; i >= 0; i-- {
		if !unicode.IsDigit(rs[i]) {
			return rs[i]
		}
	}
	return 'A'
}

// pluralAt reports whether the small s at i only makes an acronym a plural.
func pluralAt(rs []rune, i int) bool {
	return rs[i] == 's' && (i+1 == len(rs) || unicode.IsUpper(rs[i+1]))
}
