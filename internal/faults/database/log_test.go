//go:build faults && unix

package database

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// logbook is the log of a worker, of what is not for debugging.
type logbook struct {
	mu    sync.Mutex
	lines []logLine
}

type logLine struct {
	at    time.Time
	Level string `json:"level"`
	Text  string `json:"message"`
	Err   string `json:"error"`
	raw   string
}

// newLogbook returns one that is shown if the test fails.
func newLogbook(t *testing.T, name string) *logbook {
	b := &logbook{}
	began := time.Now()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for i, l := range b.all() {
			if i == 200 {
				t.Logf("%s: and more", name)
				break
			}
			t.Logf("%s: %7.3fs %s", name, l.at.Sub(began).Seconds(), l.raw)
		}
	})
	return b
}

func (b *logbook) logger() zerolog.Logger { return zerolog.New(b).Level(zerolog.InfoLevel) }

// Write implements io.Writer; zerolog writes a line at a time.
func (b *logbook) Write(text []byte) (int, error) {
	l := logLine{at: time.Now(), raw: string(bytes.TrimSpace(text))}
	err := json.Unmarshal(text, &l)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, l)
	return len(text), err
}

func (b *logbook) all() []logLine {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]logLine(nil), b.lines...)
}

// counts returns how often each text was logged since an instant.
func (b *logbook) counts(since time.Time) map[string]int {
	n := map[string]int{}
	for _, l := range b.all() {
		if l.at.After(since) {
			n[l.Text]++
		}
	}
	return n
}
