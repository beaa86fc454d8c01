package taskdir

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseHead(t *testing.T) {
	full := Options{Singleton: true, Timeout: 90 * time.Minute, Attempts: 3, Priority: 10, Env: []string{"A", "b_2"}}
	const line = "lgtask: singleton timeout=1h30m attempts=3 priority=10 env=A,b_2"
	for name, c := range map[string]struct {
		head string
		want Options
	}{
		"none":               {"#!/bin/sh\necho lgtask: singleton\n", Options{}},
		"empty":              {"", Options{}},
		"hash":               {"#!/bin/sh\n# " + line + "\n", full},
		"no newline":         {"# " + line, full},
		"no spaces":          {"#lgtask:singleton", Options{Singleton: true}},
		"windows":            {"@echo off\r\nREM " + line + "\r\n", full},
		"slashes":            {"// " + line, full},
		"dashes":             {"-- " + line, full},
		"block comment":      {"/* " + line + " */", full},
		"markup":             {"<!-- " + line + " -->", full},
		"byte order mark":    {"\ufeff# " + line, full},
		"bare":               {line, full},
		"line 20":            {strings.Repeat("\n", 19) + "# " + line, full},
		"line 21":            {strings.Repeat("\n", 20) + "# " + line, Options{}},
		"in a word":          {"# mylgtask: nonsense", Options{}},
		"in a sentence":      {"# written for lgtask: see there", Options{}},
		"in a program":       {"\x7fELF\x00\x00lgtask: nonsense\n", Options{}},
		"behind what counts": {strings.Repeat("#", maxHead) + "\n# lgtask: nonsense", Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			head := c.head
			if len(head) > maxHead+1 {
				head = head[:maxHead+1]
			}
			got, problem := parseHead("f.sh", []byte(head))
			if problem != "" || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %q; want %+v", got, problem, c.want)
			}
		})
	}
}

func TestParseHeadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"# lgtask:":                                   "f.sh:1: no option",
		"# lgtask: */":                                "f.sh:1: no option",
		"\n# lgtask: nonsense":                        `f.sh:2: option "nonsense" is unknown`,
		"# lgtask: Singleton":                         "is unknown",
		"# lgtask: singleton=true":                    "takes no value",
		"# lgtask: singleton singleton":               "twice",
		"# lgtask: timeout":                           "must be a time",
		"# lgtask: timeout=":                          `"timeout=" must be a time`,
		"# lgtask: timeout=5":                         "must be a time",
		"# lgtask: timeout=0s":                        "must be a time",
		"# lgtask: timeout=-5s":                       "must be a time",
		"# lgtask: timeout=9999999h":                  "must be a time",
		"# lgtask: attempts=0":                        "1 or more",
		"# lgtask: attempts=1.5":                      "1 or more",
		"# lgtask: attempts=99999999999":              "1 or more",
		"# lgtask: priority=101":                      "-100 to 100",
		"# lgtask: priority=":                         "-100 to 100",
		"# lgtask: env=":                              "names of variables",
		"# lgtask: env=A,,B":                          "names of variables",
		"# lgtask: env=A=b":                           "names of variables",
		"# lgtask: env=LGTASK_DATABASE":               "lgtask itself",
		"# lgtask: env=lgtask_database":               "lgtask itself",
		"# lgtask: env=A, B":                          "names of variables",
		"# lgtask: singleton\n\n# lgtask: attempts=2": "f.sh:3: a second line",
		"# lgtask: " + strings.Repeat("x", 500):       "…",
		"# lgtask: attempts=3" + strings.Repeat(" ", maxHead) + "0": "f.sh:1: the line of options ends after",
	} {
		head := []byte(text)
		head = head[:min(len(head), maxHead+1)]
		if got, problem := parseHead("f.sh", head); !strings.Contains(problem, want) || !reflect.DeepEqual(got, Options{}) {
			t.Errorf("%.40q: %+v, %q; want %q", text, got, problem, want)
		} else if len(problem) > 300 {
			t.Errorf("%.40q: the message has %d characters", text, len(problem))
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n# lgtask: singleton timeout=5m attempts=3 priority=10 env=AWS_REGION,FOO\n"))
	f.Add([]byte("/* lgtask: timeout=1ns */"))
	f.Add([]byte("\x7fELF\x00lgtask:\n# lgtask: \xff"))
	f.Fuzz(func(t *testing.T, head []byte) {
		o, problem := parseHead("f.sh", head[:min(len(head), maxHead+1)])
		if problem != "" {
			if !strings.HasPrefix(problem, "f.sh:") || !reflect.DeepEqual(o, Options{}) {
				t.Fatalf("%+v with problem %q", o, problem)
			}
			return
		}
		if o.Timeout < 0 || o.Attempts < 0 || o.Priority < -100 || o.Priority > 100 || len(o.Env) > 0 && envProblem(o.Env) != "" {
			t.Fatalf("accepted %+v", o)
		}
	})
}
