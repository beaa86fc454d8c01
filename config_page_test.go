package lgtask

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew instead of comparing it")

const configPage = "docs/configuration.md"

// Between these lines of the page stands the table that is made here.
var (
	pageTable = regexp.MustCompile(`(?s)(<!-- settings:[^\n]*-->\n).*?(<!-- end of settings -->)`)
	pageFile  = regexp.MustCompile("(?s)```ini\n(.*?)```")
)

func readConfigPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(configPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// TestConfigPage keeps the table of settings as the program has them.
func TestConfigPage(t *testing.T) {
	page := readConfigPage(t)
	parts := pageTable.FindStringSubmatchIndex(page)
	if parts == nil {
		t.Fatalf("%s has no place for the settings: it must match %s", configPage, pageTable)
	}
	want := page[:parts[3]] + settingsTable() + page[parts[4]:]
	if want == page {
		return
	}
	if !*update {
		t.Fatalf("the settings in %s are not those of the program: run go test -run TestConfigPage . -update", configPage)
	}
	if err := os.WriteFile(configPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settingsTable is the table of all settings in Markdown.
func settingsTable() string {
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	var b strings.Builder
	b.WriteString("| key in the file | variable | default | meaning |\n|---|---|---|---|\n")
	for _, s := range ConfigSettings() {
		name, meaning := "`"+s.Env+"`", s.Meaning
		if s.Secret {
			name += ", `" + s.Env + "_FILE`"
			meaning += " (secret)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.FileKey, name, cell.Replace(s.Default), cell.Replace(meaning))
	}
	return b.String()
}

// TestConfigPageFile loads the file that the page shows.
func TestConfigPageFile(t *testing.T) {
	found := pageFile.FindStringSubmatch(readConfigPage(t))
	if found == nil {
		t.Fatal("the page shows no file")
	}
	c, err := testLoader(nil).load(writeConfig(t, found[1]))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.TaskDatabase != "mongodb://user:password@server:27017/mytasks" || c.TaskName != "worker" || c.Processors != 4 ||
		len(c.Classes) != 2 || c.LogLevel != "warn" || c.Grace != 20*time.Second || c.Retention.Error != 30*oneDay || len(c.Warnings) != 0 {
		t.Errorf("the file was read as %v, warnings %q", c, c.Warnings)
	}
}

// TestConfigPageCodes wants the page to tell the exit codes and what does
// nothing.
func TestConfigPageCodes(t *testing.T) {
	page := readConfigPage(t)
	for _, code := range []int{exitDone, exitRun, exitUsage} {
		if !strings.Contains(page, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the page does not tell what exit code %d means", code)
		}
	}
	for _, key := range unusedSettings {
		if !regexp.MustCompile("`" + key + "`[^|]*does nothing in this version").MatchString(page) {
			t.Errorf("the page does not say that %s does nothing", key)
		}
	}
}
