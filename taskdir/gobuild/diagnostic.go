package gobuild

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Diagnostic is one problem in the source.
type Diagnostic struct {
	File string // absolute path of the user's file; empty if the problem is of no file
	Line int    // from 1; 0 if unknown
	Col  int    // in bytes, from 1; 0 if unknown
	Text string // one line

	shown string // File as messages show it
}

// String returns the problem as compilers write it: file:line:col: text.
func (d Diagnostic) String() string {
	at := d.shown
	if at == "" {
		at = d.File
	}
	if at == "" {
		return d.Text
	}
	if d.Line > 0 {
		at += ":" + strconv.Itoa(d.Line)
		if d.Col > 0 {
			at += ":" + strconv.Itoa(d.Col)
		}
	}
	return at + ": " + d.Text
}

// CompileError is returned when the source cannot be built.
type CompileError struct {
	Diagnostics []Diagnostic // at least one, in the order of the go command
	Output      string       // what the go command wrote, at most 64 KiB
}

// Error returns the first problem and the number of others.
func (e *CompileError) Error() string {
	text := e.Diagnostics[0].String()
	if n := len(e.Diagnostics) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Positions as the go command writes them: a column is missing in some.
var positionPattern = regexp.MustCompile(`^(\S.*?):(\d+)(?::(\d+))?: (.*)$`)

// paths turns the paths in the go command's output into those of messages.
type paths struct {
	base string // the go command's working folder, absolute
	cwd  string // if not empty, messages name files relative to it
}

// diagnostic makes a problem of a position, "file:line:col" or empty, and a text.
func (p paths) diagnostic(pos, text string) Diagnostic {
	m := positionPattern.FindStringSubmatch(pos + ": x")
	if m == nil {
		return Diagnostic{Text: oneLine(text)}
	}
	return p.located(m, text)
}

// located makes a problem of a match of positionPattern.
func (p paths) located(m []string, text string) Diagnostic {
	d := Diagnostic{File: m[1], Text: oneLine(text)}
	d.Line, _ = strconv.Atoi(m[2]) // digits only; what is too large for a line stays 0
	d.Col, _ = strconv.Atoi(m[3])  // empty: 0
	if !filepath.IsAbs(d.File) {
		d.File = filepath.Join(p.base, d.File)
	}
	d.shown = p.show(d.File)
	return d
}

// show returns the path as messages name it.
func (p paths) show(file string) string {
	if p.cwd == "" {
		return file
	}
	if rel, err := filepath.Rel(p.cwd, file); err == nil {
		return rel
	}
	return file // on another drive
}

// compileError reads the problems from the go command's output. Lines that begin
// with white space continue the problem before them.
func (p paths) compileError(output string) *CompileError {
	output = mongouri.Redact(output)
	var located, other []Diagnostic
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		m := positionPattern.FindStringSubmatch(line)
		switch {
		case m != nil:
			located = append(located, p.located(m, m[4]))
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" || line == "too many errors":
			// The name of the package, which the file tells as well; the limit of the compiler.
		case strings.TrimLeft(line, " \t") != line && len(located) > 0:
			located[len(located)-1].Text += " " + oneLine(line)
		default:
			other = append(other, Diagnostic{Text: oneLine(line)})
		}
	}
	if len(located) == 0 {
		located = joined(other)
	}
	return &CompileError{Diagnostics: located, Output: output}
}

// joined makes one problem of lines without a position: they belong together.
func joined(lines []Diagnostic) []Diagnostic {
	var texts []string
	for _, d := range lines {
		texts = append(texts, d.Text)
	}
	if len(texts) == 0 {
		texts = []string{"the go command failed without a message"}
	}
	return []Diagnostic{{Text: strings.Join(texts, " ")}}
}

func oneLine(text string) string {
	return mongouri.Redact(strings.Join(strings.Fields(text), " "))
}
