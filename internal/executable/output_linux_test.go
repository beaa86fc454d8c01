package executable_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lgtask/lgtask/internal/executable"
)

// maxText is the longest text of a line, with the note.
const maxText = executable.MaxLine + 100

// TestFlood runs programs that print more than anybody wants to keep. Memory is
// counted as all that is allocated meanwhile, where one stream of output could
// not hide: keeping it would show at once.
func TestFlood(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		lines int
		bytes uint64 // that may be allocated
	}{
		"no newline":   {"head -c 1000000000 /dev/zero | tr '\\0' x", 1, 4 << 20},
		"zero bytes":   {"head -c 100000000 /dev/zero >&2", 1, 4 << 20},
		"many lines":   {"yes | head -n 300000", 300000, 64 << 20},
		"long lines":   {"yes $(head -c 20000 /dev/zero | tr '\\0' x) | head -n 2000", 2000, 200 << 20},
		"empty lines":  {"yes '' | head -n 300000", 300000, 64 << 20},
		"random bytes": {"head -c 3000000 /dev/urandom", -1, 200 << 20},
		"both streams": {"yes | head -n 50000 & yes | head -n 50000 >&2; wait", 100000, 32 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			var n, bad, longest int
			file := shell(t, c.body)
			runtime.ReadMemStats(&before)
			res, err := executable.Run(t.Context(), executable.Spec{File: file, Line: func(_ bool, text string) {
				n++
				longest = max(longest, len(text))
				if !utf8.ValidString(text) || len(text) > maxText {
					bad++
				}
			}})
			runtime.ReadMemStats(&after)
			must(t, err)
			if bad > 0 || c.lines >= 0 && n != c.lines || res.Code != 0 {
				t.Errorf("%d lines, %d of them bad, longest %d; %v", n, bad, longest, res)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > c.bytes {
				t.Errorf("%d bytes allocated, more than %d", grown, c.bytes)
			}
		})
	}
}

// TestEndlessFlood ends a program that would print for ever.
func TestEndlessFlood(t *testing.T) {
	res, _ := runUntil(t, executable.Spec{File: shell(t, "exec yes")}, "y")
	if !res.Stopped || res.Signal == 0 {
		t.Errorf("%+v", res)
	}
}

func TestCutLine(t *testing.T) {
	res, out := run(t, executable.Spec{File: shell(t, "head -c 10000 /dev/zero | tr '\\0' x; echo; echo after")})
	want := strings.Repeat("x", executable.MaxLine) + " … [1808 bytes of this line dropped]"
	if len(out.stdout) != 2 || out.stdout[0] != want || res.TruncatedLines != 1 || res.DroppedBytes != 1808 || res.LastStdout != "after" {
		t.Errorf("%+v: %.60q…", res, out.stdout)
	}
}

func TestOutputIsRedacted(t *testing.T) {
	const secret = "pl4nt3d"
	file := shell(t, "cat")
	filler := strings.Repeat("x", executable.MaxLine-30)
	text := "at mongodb://user:" + secret + "@host/db\npassword=" + secret + "\n" + filler + " mongodb://user:" + secret + strings.Repeat("y", 100) + "@host\n"
	res, out := run(t, executable.Spec{File: file, Stdin: []byte(text)})
	if all := strings.Join(out.stdout, "\n") + res.LastStdout; len(out.stdout) != 3 || strings.Contains(all, secret) {
		t.Errorf("%d lines, or a secret is in %.200q", len(out.stdout), all)
	}
	file = shell(t, "cat >&2")
	res, out = run(t, executable.Spec{File: file, Stdin: []byte(text)})
	if all := strings.Join(out.stderr, "\n") + res.LastStderr; len(out.stderr) != 3 || strings.Contains(all, secret) {
		t.Errorf("%d lines, or a secret is in %.200q", len(out.stderr), all)
	}
}

func TestLineEnds(t *testing.T) {
	_, out := run(t, executable.Spec{File: shell(t, `printf 'a\r\nb\n\nc\377d\n\303'`)})
	if got := strings.Join(out.stdout, "|"); got != "a|b||c\uFFFDd|\uFFFD" {
		t.Errorf("%q", got)
	}
}

// BenchmarkOutput measures how fast short lines are taken.
func BenchmarkOutput(b *testing.B) {
	file := shell(b, "cat")
	text := bytes.Repeat([]byte("y\n"), 1<<19)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := executable.Run(b.Context(), executable.Spec{File: file, Stdin: text}); err != nil {
			b.Fatal(err)
		}
	}
}
