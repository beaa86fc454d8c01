package executable

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxLine bounds the text of a line of output, in bytes. A note of what was cut
// off may follow it.
const MaxLine = 8 << 10

// output passes the lines of both streams on, one at a time.
type output struct {
	mu        sync.Mutex
	line      func(stderr bool, text string)
	last      [2]string // of standard output and error
	truncated int64
	dropped   int64
}

func (o *output) emit(stderr bool, text string, dropped int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if dropped > 0 {
		o.truncated++
		o.dropped += dropped
		text += fmt.Sprintf(" … [%d bytes of this line dropped]", dropped)
	}
	if strings.TrimSpace(text) != "" {
		o.last[index(stderr)] = text
	}
	if o.line != nil {
		o.line(stderr, text)
	}
}

func index(stderr bool) int {
	if stderr {
		return 1
	}
	return 0
}

// lineWriter splits what is written into lines. It holds at most MaxLine bytes;
// what a line has beyond is counted and dropped.
type lineWriter struct {
	out     *output
	stderr  bool
	held    []byte
	dropped int64
}

// Write never fails and takes all.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		fits := min(len(line), MaxLine-len(w.held))
		w.held = append(w.held, line[:fits]...)
		w.dropped += int64(len(line) - fits)
		if ended {
			w.flush()
		}
		p = rest
	}
	return n, nil
}

// close passes on a last line that has no end.
func (w *lineWriter) close() {
	if len(w.held) > 0 || w.dropped > 0 {
		w.flush()
	}
}

func (w *lineWriter) flush() {
	text, dropped := w.held, w.dropped
	if dropped > 0 {
		text = trimTail(text)
	} else {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	clean, cut := clip(redact(strings.ToValidUTF8(string(text), "\uFFFD")))
	if dropped > 0 {
		dropped += int64(len(w.held) - len(text))
	}
	w.out.emit(w.stderr, clean, dropped+int64(cut))
	w.held, w.dropped = w.held[:0], 0
}

// clip bounds a text that has grown because bytes were replaced in it.
func clip(text string) (string, int) {
	end := len(text)
	if end <= MaxLine {
		return text, 0
	}
	for end = MaxLine; !utf8.RuneStart(text[end]); {
		end--
	}
	return text[:end], len(text) - end
}

// trimTail takes from the end of a line that was cut there what cannot stand
// alone: a part of a rune, and an address without the @ by which a password in
// it would be recognised.
func trimTail(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				text = text[:len(text)-n]
			}
			break
		}
	}
	word := text[bytes.LastIndexAny(text, " \t")+1:]
	word = word[bytes.LastIndexByte(word, '@')+1:]
	for _, slashes := range []string{"://", `:\/\/`} {
		if at := bytes.Index(word, []byte(slashes)); at >= 0 {
			return text[:len(text)-len(word)+at+len(slashes)]
		}
	}
	return text
}
