package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// lineWidth keeps the live line from wrapping on an ordinary terminal.
	lineWidth = 79
	// plainEvery is how often progress is told where there is no live line.
	plainEvery = 5 * time.Second
)

// screen writes text and, at a terminal, a progress line that overwrites
// itself. It uses no escape codes. One goroutine uses it.
type screen struct {
	out  io.Writer
	live bool
	last time.Time // of the last plain progress line
	open int       // width of the live line that the cursor stands behind
}

func newScreen(out io.Writer, live bool) *screen { return &screen{out: out, live: live} }

// isTerminal reports whether f can show a line that overwrites itself.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// progress shows the line, elsewhere than at a terminal only now and then, but
// always the last one.
func (s *screen) progress(now time.Time, line string, last bool) {
	if !s.live {
		if last || now.Sub(s.last) >= plainEvery {
			s.last = now
			fmt.Fprintln(s.out, line)
		}
		return
	}
	if utf8.RuneCountInString(line) > lineWidth {
		line = string([]rune(line)[:lineWidth])
	}
	width := utf8.RuneCountInString(line)
	fmt.Fprintf(s.out, "\r%s%s", line, strings.Repeat(" ", max(0, s.open-width)))
	s.open = max(s.open, width)
}

// printf writes a text of its own, below the progress line if there is one.
func (s *screen) printf(format string, args ...any) {
	s.endLine()
	fmt.Fprintf(s.out, format, args...)
}

// endLine leaves the live line, if there is one, as it is.
func (s *screen) endLine() {
	if s.open > 0 {
		fmt.Fprintln(s.out)
		s.open = 0
	}
}
