package lgtask

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestMainRefusesArguments(t *testing.T) {
	file := writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://h\n")
	missing := filepath.Join(t.TempDir(), "missing.cfg")
	for _, tt := range []struct {
		args  []string
		parts []string
	}{
		{[]string{missing}, []string{missing, "no such file", "give the path"}},
		{[]string{file, "0"}, []string{`COUNT is "0"`, "from 1 to 10000"}},
		{[]string{file, "10001"}, []string{`COUNT is "10001"`, "from 1 to 10000"}},
		{[]string{file, "-1"}, []string{`COUNT is "-1"`, "from 1 to 10000"}},
		{[]string{file, "two"}, []string{`COUNT is "two"`, "from 1 to 10000"}},
		{[]string{file, ""}, []string{`COUNT is ""`, "from 1 to 10000"}},
		{[]string{file, "99999999999999999999"}, []string{"COUNT is", "from 1 to 10000"}},
		{[]string{file, "1", "2"}, []string{"3 arguments", "CONFIG and COUNT", "--help"}},
		{[]string{""}, []string{"CONFIG is empty", "environment"}},
		{[]string{"--workers=3"}, []string{`no option "--workers=3"`, "--help"}},
		{[]string{"-"}, []string{`no option "-"`, "--help"}},
		{[]string{"--", "--help"}, []string{"--help: no such file"}},
		{[]string{"mongodb://u:p@h/db"}, []string{"not an address", "LGTASK_DATABASE"}},
		{nil, []string{"taskDatabase", "LGTASK_DATABASE", "mongodb://localhost:27017/lgtask"}},
		{[]string{writeConfig(t, "[taskProcessor]\ntaskDatabse = mongodb://h\n")}, []string{"line 2", "taskDatabse", "did you mean taskDatabase?"}},
		{[]string{writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://h\nclasses = Other\n")}, []string{`classes = "Other"`, "MainTask"}},
		{[]string{writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://h\nlogFile = /nowhere/log\n")}, []string{`logFile = "/nowhere/log"`, "line 3", "no such file", "folder"}},
		{[]string{writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://h\nlogFile = .\n")}, []string{"logFile", "is a directory"}},
	} {
		r, _, _ := mainRegistry(t)
		wrong(t, r, nil, tt.args, tt.parts...)
	}
}

func TestMainHelp(t *testing.T) {
	r, _, _ := mainRegistry(t)
	for _, args := range [][]string{{"--help"}, {"-h"}, {"some.cfg", "--help"}} {
		p := runProgram(t, r, nil, args...)
		p.exits(t, exitDone)
		text := p.out.String()
		parts := []string{"prog [CONFIG [COUNT]]", "compiled into this program: MainTask.", "lgtask.Main(reg)", "Exit codes: 0", "rs.initiate()"}
		for _, s := range ConfigSettings() {
			parts = append(parts, s.FileKey, s.Env)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q: the help does not say %q", args, part)
			}
		}
		if strings.Contains(text, "%!") || p.err.String() != "" {
			t.Errorf("%q: %s %s", args, text, p.err)
		}
	}
}

func TestMainVersion(t *testing.T) {
	r, _, _ := mainRegistry(t)
	p := runProgram(t, r, nil, "--version")
	p.exits(t, exitDone)
	if text := p.out.String(); !strings.HasPrefix(text, "prog ") || strings.Count(text, "\n") != 1 || !strings.Contains(text, "go1.") {
		t.Errorf("%q", text)
	}
	info := &debug.BuildInfo{GoVersion: "go1.25", Main: debug.Module{Version: "v1.2.3"}, Deps: []*debug.Module{{Path: modulePath, Version: "v0.9.0"}},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	if got, want := versionText(info), "v1.2.3 lgtask v0.9.0 abc with changes go1.25"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
