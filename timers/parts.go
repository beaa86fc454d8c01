package timers

import (
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"
)

// What the messages show as right.
const (
	exampleWhen  = `; write, for example, "2 hours 5 minutes"`
	exampleEvery = `; write, for example, "5 minutes"`
)

// units has every way to write a unit, in lower case.
var units = byName(map[time.Duration]string{
	7 * 24 * time.Hour: "week weeks w",
	24 * time.Hour:     "day days d",
	time.Hour:          "hour hours hr hrs h",
	time.Minute:        "minute minutes min mins m",
	time.Second:        "second seconds sec secs s",
	time.Millisecond:   "millisecond milliseconds msec msecs ms",
})

// byName turns a list of names for each unit into the unit of each name.
func byName(names map[time.Duration]string) map[string]time.Duration {
	units := map[string]time.Duration{}
	for unit, list := range names {
		for name := range strings.FieldsSeq(list) {
			units[name] = unit
		}
	}
	return units
}

// split cuts a text into lower-case words: numbers, runs of letters, commas.
// Any other sign is a word of its own, which no reader knows.
func split(text, example string) ([]string, error) {
	if len(text) > maxText {
		return nil, &SyntaxError{Text: text, Reason: fmt.Sprintf("longer than %d bytes", maxText) + example}
	}
	var words []string
	previous := ' '
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsSpace(r):
		case kind(r) != ' ' && kind(r) == kind(previous):
			words[len(words)-1] += string(r)
		default:
			words = append(words, string(r))
		}
		previous = r
	}
	if len(words) == 0 {
		return nil, &SyntaxError{Text: text, Reason: "empty" + example}
	}
	return words, nil
}

// kind tells which signs stay together: digits with dots, and letters.
func kind(r rune) rune {
	switch {
	case r >= '0' && r <= '9' || r == '.':
		return '0'
	case unicode.IsLetter(r):
		return 'a'
	}
	return ' '
}

// sumParts adds up "number unit" pairs, which commas and "and" may separate.
// The result is exact, in nanoseconds; a reason that is not empty says what is
// wrong.
func sumParts(words []string) (sum *big.Rat, reason string) {
	sum = new(big.Rat)
	for first := true; first || len(words) > 0; first = false {
		if !first {
			words = skipSeparator(words)
		}
		if len(words) == 0 {
			return nil, "a number and a unit are missing at the end"
		}
		number, ok := parseNumber(words[0])
		if !ok {
			return nil, notANumber(words[0])
		}
		if len(words) == 1 {
			return nil, fmt.Sprintf("%s has no unit", quote(words[0]))
		}
		unit, ok := units[words[1]]
		if !ok {
			return nil, notAUnit(words[0], words[1])
		}
		sum.Add(sum, number.Mul(number, new(big.Rat).SetInt64(int64(unit))))
		words = words[2:]
	}
	return sum, ""
}

// skipSeparator removes a comma, an "and", or both.
func skipSeparator(words []string) []string {
	for _, separator := range []string{",", "and"} {
		if len(words) > 0 && words[0] == separator {
			words = words[1:]
		}
	}
	return words
}

// parseNumber reads digits with at most one dot between or after them.
func parseNumber(word string) (*big.Rat, bool) {
	if kind(rune(word[0])) != '0' || word[0] == '.' || strings.Count(word, ".") > 1 {
		return nil, false
	}
	return new(big.Rat).SetString(word)
}

// notANumber says why a word is no number, given that one was expected.
func notANumber(word string) string {
	if _, ok := units[word]; ok {
		return fmt.Sprintf("the unit %s has no number", quote(word))
	}
	switch word {
	case "-":
		return `a time cannot be negative (the past is written with "ago")`
	case "now", "in", "ago":
		return fmt.Sprintf("%s cannot stand here", quote(word))
	}
	return fmt.Sprintf("%s is not a number in digits", quote(word))
}

// notAUnit says why a word after a number is no unit.
func notAUnit(number, word string) string {
	switch {
	case word == "e":
		return "numbers are written in plain digits, without an exponent"
	case word == "y" || strings.HasPrefix(word, "mon") || strings.HasPrefix(word, "year"):
		return fmt.Sprintf("%s is not a fixed length of time; use days, or a cron spec", quote(word))
	case kind([]rune(word)[0]) != 'a':
		return fmt.Sprintf("%s has no unit", quote(number))
	}
	return fmt.Sprintf("unknown unit %s (known: week, day, hour, minute, second, millisecond)", quote(word))
}

// ceilMillis turns nanoseconds, which are not negative, into a Duration of
// whole milliseconds, negated if ago, rounded up (for ago that is towards
// zero). It returns false if that is more than a Duration holds.
func ceilMillis(ns *big.Rat, ago bool) (time.Duration, bool) {
	ms := new(big.Rat).Quo(ns, new(big.Rat).SetInt64(int64(time.Millisecond)))
	whole, rest := new(big.Int).QuoRem(ms.Num(), ms.Denom(), new(big.Int))
	if rest.Sign() > 0 && !ago {
		whole.Add(whole, big.NewInt(1))
	}
	whole.Mul(whole, big.NewInt(int64(time.Millisecond)))
	if !whole.IsInt64() {
		return 0, false
	}
	d := time.Duration(whole.Int64())
	if ago {
		d = -d
	}
	return d, true
}
