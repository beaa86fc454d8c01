package lgtask

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxProcessorName bounds the bytes of a processor's name: it is part of a file
// name and of document keys.
const maxProcessorName = 128

// ProcessorNames returns the names of count processors: "base-1", "base-2" and
// so on, or base alone if there is one. A count below 1 gives none.
func ProcessorNames(base string, count int) []string {
	if count == 1 {
		return []string{base}
	}
	var names []string
	for i := 1; i <= count; i++ {
		names = append(names, base+"-"+strconv.Itoa(i))
	}
	return names
}

// checkProcessorName judges a processor's name.
func checkProcessorName(name string) *configProblem {
	switch {
	case name == "":
		return &configProblem{"it is empty", "name the processors, or leave it to be the host's name"}
	case len(name) > maxProcessorName:
		return &configProblem{"a processor's name, with its index, would be longer than 128 bytes", "use a shorter one"}
	case name == "." || name == "..":
		return &configProblem{"it is a folder's name", "use another one"}
	case !utf8.ValidString(name):
		return &configProblem{"it is not valid UTF-8", "use another one"}
	case strings.ContainsAny(name, "/\\") || strings.ContainsFunc(name, notInName):
		return &configProblem{"it contains a slash, a space or a character that cannot be printed", "use letters, digits, dots and hyphens"}
	}
	return nil
}

func notInName(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// maxProcessors is the largest number of processors of one process. Each is a
// goroutine and a name; more would be a mistake in a configuration.
const maxProcessors = 10000
