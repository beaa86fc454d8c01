package tasks

import (
	"regexp"
	"unicode/utf8"
)

// userinfo is the user and password of a mongodb:// address inside any text, up
// to the last @ of the word: a password may hold one that should be escaped.
var userinfo = regexp.MustCompile(`(?i)(mongodb(?:\+srv)?://)[^\s"]*@`)

// shorten makes a value fit for an error message: bounded, and without the
// credentials of an address. A message may end up in a document or a log that
// more people read than the kwargs.
func shorten(s string) string {
	s = userinfo.ReplaceAllString(s, "${1}xxxxx@")
	const limit = 80
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
