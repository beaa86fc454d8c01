package taskdir

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// maxClass bounds a class, in bytes.
const maxClass = 128

var (
	classPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// ignored reports whether a name says that the file is no task: hidden, set
// aside by an underscore, a backup or autosave of an editor, or a test in Go.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.HasSuffix(name, "~") ||
		len(name) > 1 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") ||
		strings.HasSuffix(name, "_test.go")
}

// isGo reports whether a file is part of a Go build.
func isGo(name string) bool {
	return strings.HasSuffix(name, ".go") || name == "go.mod" || name == "go.sum"
}

// nameProblem says why a file name is refused, or nothing.
func nameProblem(name string) string {
	if !namePattern.MatchString(name) {
		return "the name may only have letters a to z, digits and _ . - and must not begin with - or a dot: rename it"
	}
	return ""
}

// classOf returns the class that a file name stands for, or why there is none.
func classOf(name string) (class, problem string) {
	if problem = nameProblem(name); problem != "" {
		return "", problem
	}
	class = strings.TrimSuffix(name, filepath.Ext(name))
	switch {
	case len(class) > maxClass:
		return "", fmt.Sprintf("the class, the name without extension, has %d characters; at most %d: rename it", len(class), maxClass)
	case !classPattern.MatchString(class):
		return "", "the class, the name without extension, must begin with a letter: rename it"
	}
	return class, ""
}
