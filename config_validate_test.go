package lgtask

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidateAcceptsTheLeast(t *testing.T) {
	for _, c := range []Config{
		{TaskDatabase: "mongodb://h"},
		{TaskDatabase: "mongodb+srv://u:p@c.example.net/db", MongoHosts: []string{"a", "b:1", "mongodb://u:p@c,d/?tls=true"}},
		{TaskDatabase: "mongodb://@server/db", Retention: Retention{Success: KeepForever}, HTTPAddr: ":0", Grace: time.Hour},
		{TaskDatabase: "mongodb://h", TaskDir: "relative/is fine", TaskName: strings.Repeat("n", 123), Processors: 9999},
	} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	tests := []struct {
		config Config
		parts  []string
	}{
		{Config{}, []string{"taskDatabase", "LGTASK_DATABASE"}},
		{Config{TaskDatabase: "mongodb://u:hunter2"}, []string{"taskDatabase", "an @ must follow"}},
		{Config{TaskDatabase: "u:hunter2@h"}, []string{"does not begin"}},
		{Config{TaskDatabase: "mongodb://h/?w=0"}, []string{"option w"}},
		{Config{TaskDatabase: "mongodb://h/db/coll"}, []string{"names a collection"}},
		{Config{Prefix: "a$"}, []string{"prefix", `"a$"`}},
		{Config{Prefix: "system.x"}, []string{"prefix"}},
		{Config{Prefix: strings.Repeat("p", 65)}, []string{"prefix", "64"}},
		{Config{TaskDir: "~/tasks"}, []string{"taskDir", "home folder"}},
		{Config{LockDir: "a\nb"}, []string{"lockDir"}},
		{Config{LogFile: "a\x00b"}, []string{"logFile"}},
		{Config{TaskName: "a/b"}, []string{"taskName", `"a/b"`, "slash"}},
		{Config{TaskName: strings.Repeat("n", 127), Processors: 2}, []string{"taskName", "128 bytes"}},
		{Config{Processors: -1}, []string{"processors", `"-1"`, "10000"}},
		{Config{Processors: 10001}, []string{"processors"}},
		{Config{Classes: []string{"A", "b c"}}, []string{"classes", "class 2"}},
		{Config{Classes: []string{""}}, []string{"classes", "class 1"}},
		{Config{Retention: Retention{Error: time.Millisecond}}, []string{"retention", "error", "1 second"}},
		{Config{Retention: Retention{Aborted: -2}}, []string{"retention", "aborted"}},
		{Config{LogLevel: "loud"}, []string{"logLevel", `"loud"`, "debug"}},
		{Config{LogFormat: "xml"}, []string{"logFormat", "json"}},
		{Config{HTTPAddr: "8080"}, []string{"httpAddr", ":8080"}},
		{Config{HTTPAddr: "h:99999"}, []string{"httpAddr"}},
		{Config{HTTPAddr: "h:http"}, []string{"httpAddr"}},
		{Config{MongoHosts: []string{"a", "mongodb://u:hunter2"}}, []string{"mongoHosts", "entry 2"}},
		{Config{Grace: -1}, []string{"grace"}},
		{Config{MaxAttempts: -1}, []string{"maxAttempts"}},
		{Config{MaxAttempts: 2_000_000}, []string{"maxAttempts", "1000000"}},
		{Config{Grace: 2 * time.Hour}, []string{"grace", "1 hour"}},
	}
	for _, tt := range tests {
		if tt.config.TaskDatabase == "" && len(tt.parts) > 0 && tt.parts[0] != "taskDatabase" {
			tt.config.TaskDatabase = "mongodb://h"
		}
		if tt.config.TaskName == "" {
			tt.config.TaskName = "n"
		}
		err := tt.config.Validate()
		wantConfigError(t, err, tt.parts...)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %q shows the password", err)
		}
	}
}

func TestSplitMongoHosts(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{"a, b:1,,c", []string{"a", "b:1", "c"}},
		{"mongodb://u:p@a,b", []string{"mongodb://u:p@a,b"}},
		{"mongodb://u:p@a,b/,c", []string{"mongodb://u:p@a,b/", "c"}},
		{"c,mongodb://a,b/?tls=true,mongodb://d\ne", []string{"c", "mongodb://a,b/?tls=true", "mongodb://d", "e"}},
		{"mongodb://a,mongodb2,mongodb+srv://b", []string{"mongodb://a,mongodb2", "mongodb+srv://b"}},
		{"mongodb://a,mongodb2/,mongodb://b", []string{"mongodb://a,mongodb2/", "mongodb://b"}},
		{",", nil},
	}
	for _, tt := range tests {
		if got := splitMongoHosts(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("splitMongoHosts(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestConfigErrorIsShort(t *testing.T) {
	c := Config{TaskDatabase: "mongodb://h", TaskName: strings.Repeat("é", 5000)}
	err := c.Validate()
	wantConfigError(t, err, "taskName", "…")
	if len(err.Error()) > 400 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}
