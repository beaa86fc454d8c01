package cli

import (
	"encoding/json"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"plain, ü 😀":                    "plain, ü 😀",
		"\x1b[2Jgone":                   `\x1b[2Jgone`,
		"a\nb\rc\td\x00":                `a\nb\rc\td\x00`,
		"\u009b31m":                     `\u009b31m`,
		"user\u202egpj":                 `user\u202egpj`,
		"bad \xff":                      `bad \xff`,
		"\u2028":                        `\u2028`,
		"back\\slash":                   `back\slash`,
		"at mongodb://bob:hunter2@h/db": "at mongodb://xxxxx@h/db",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCell(t *testing.T) {
	for text, want := range map[string]string{"": "-", "abc": "abc", "abcde": "abcde", "abcdef": "abcd…", "äöüßé😀": "äöüß…", "a\tb": `a\tb`} {
		if got := cell(text, 5); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "0s ago", 59*time.Second + 999*time.Millisecond: "in 59s", time.Minute: "in 1m", -90 * time.Minute: "1h ago", 47 * time.Hour: "in 47h",
		48 * time.Hour: "in 2d", -100 * 24 * time.Hour: "100d ago",
	} {
		if got := relative(now.Add(d), now); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := relative(time.Time{}, now); got != "-" {
		t.Errorf("no time: %q", got)
	}
	if got, want := instant(now.Add(-time.Second), now), "2026-03-29T11:59:59.000Z (1s ago)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m",
		1500 * time.Millisecond: "1.5s", 24 * time.Hour: "24h",
	} {
		if got := every(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// What escapeJSON writes is JSON of the same value, and nothing a terminal acts on.
func TestEscapeJSON(t *testing.T) {
	for _, text := range []string{"plain ü 😀", "\u009b\u007f", "\u202e", "\U000e0001 tag", "\u2028\n"} {
		data, err := marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(data)
		if !plain(string(escaped)) {
			t.Errorf("%q: %q", text, escaped)
		}
		var back map[string]string
		if err := json.Unmarshal(escaped, &back); err != nil || back[text] != text {
			t.Errorf("%q: %s, %v", text, escaped, err)
		}
	}
	if got, want := string(escapeJSON([]byte("{\n  \"a\": \"<&>\"\n}"))), "{\n  \"a\": \"<&>\"\n}"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
