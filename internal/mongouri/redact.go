package mongouri

import (
	"regexp"
	"strings"
	"unicode"
)

// Mask stands where a secret was.
const Mask = "xxxxx"

var (
	// The beginning of an address of any scheme; in JSON a slash may be escaped.
	schemePattern = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*:(?://|\\/\\/)`)

	// name=value, as in an address or a command, where the name speaks of a secret.
	assignPattern = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api_?key|authmechanismproperties)[a-z0-9_-]*=)(?:"[^"]*"?|'[^']*'?|[^\s&;"]+)+`)

	// "name": "value", as in JSON, and TOKEN:value, as in authMechanismProperties.
	jsonPattern  = regexp.MustCompile(`(?i)("[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api_?key)[a-z0-9_-]*"\s*:\s*)("(?:[^"\\]|\\.)*"?)`)
	tokenPattern = regexp.MustCompile(`(?i)(AWS_SESSION_TOKEN:)([^\s&;"]+)`)

	// Errors about an address quote pieces of it, the password among them.
	parserPattern = regexp.MustCompile(`(?i)(?:error (?:parsing|validating) uri:|invalid URL escape|invalid userinfo|invalid port)[^\n]*`)
	quotedPattern = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

	// A port, and what may follow it where an address stands in a sentence.
	portPattern = regexp.MustCompile("^[0-9]{0,5}(?:$|[,:;\"'`)}>\\]]|\\.$)")
)

// Redact returns text with the secrets it recognises replaced by Mask: user and
// password of every address, the values of options and fields whose names speak
// of a password, secret or token, and what errors of the driver and of net/url
// about an address quote. Applying it twice changes nothing more. It takes time
// proportional to the text.
//
// It knows secrets by their surroundings only. A password alone in a text is
// not found: do not put one there.
func Redact(text string) string {
	text = redactAddresses(text)
	text = assignPattern.ReplaceAllStringFunc(text, func(assignment string) string {
		name, value, _ := strings.Cut(assignment, "=")
		if (name == "PWD" || name == "OLDPWD") && strings.HasPrefix(value, "/") {
			return assignment // the shell's current folder
		}
		return name + "=" + Mask
	})
	text = jsonPattern.ReplaceAllString(text, `${1}"`+Mask+`"`)
	text = tokenPattern.ReplaceAllString(text, "${1}"+Mask)
	return parserPattern.ReplaceAllStringFunc(text, func(line string) string {
		return quotedPattern.ReplaceAllString(line, `"`+Mask+`"`)
	})
}

// maxLookahead bounds the search for the end of a password with spaces in it.
const maxLookahead = 512

// redactAddresses masks the user and password of every address. All up to the
// last @ before white space is taken for them, also if it holds quotes, slashes
// or further @ signs: rather too much than too little.
func redactAddresses(text string) string {
	var b strings.Builder
	done, from := 0, 0 // written so far, searched so far
	end, at := 0, -1   // of the word that holds from: its end, its last @
	for {
		match := schemePattern.FindStringIndex(text[from:])
		if match == nil {
			b.WriteString(text[done:])
			return b.String()
		}
		from += match[1]
		if from >= end {
			end, at = word(text, from)
		}
		until := from // what is masked ends here
		if at >= from {
			until = at
		} else if colon := badPort(text[from:end]); colon >= 0 {
			until = endOfBadPort(text, from, end)
			if until == end {
				b.WriteString(text[done : from+colon+1])
				done = from + colon + 1
			}
		}
		if until > from {
			b.WriteString(text[done:max(done, from)] + Mask)
			done, from = until, until
		}
	}
}

// word returns the end of the word that holds position from, and the position of
// the last @ in it from there on, or -1.
func word(text string, from int) (end, at int) {
	end = len(text)
	if n := strings.IndexFunc(text[from:], unicode.IsSpace); n >= 0 {
		end = from + n
	}
	if at = strings.LastIndexByte(text[from:end], '@'); at >= 0 {
		at += from
	}
	return end, at
}

// endOfBadPort returns where a password ends that stands where a port should:
// at the last @ soon after it on the line, if it has white space in it, else at
// the end of the word, if the @ and the host were forgotten.
func endOfBadPort(text string, from, end int) int {
	line, _, _ := strings.Cut(text[from:min(len(text), from+maxLookahead)], "\n")
	if at := strings.LastIndexByte(line, '@'); at > 0 {
		return from + at
	}
	return end
}

// badPort returns the position of the first colon in a list of hosts that
// something else than a port follows, or -1.
func badPort(text string) int {
	if slash := strings.IndexAny(text, "/?"); slash >= 0 {
		text = text[:slash]
	}
	for from := 0; ; {
		colon := strings.IndexByte(text[from:], ':')
		if colon < 0 {
			return -1
		}
		colon += from
		from = colon + 1
		if !portPattern.MatchString(text[from:]) && !strings.Contains(text[:colon], "[") {
			return colon
		}
	}
}
