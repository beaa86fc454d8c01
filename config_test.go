package lgtask

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// testLoader has an empty environment and a host called "host".
func testLoader(environ map[string]string) configLoader {
	if environ == nil {
		environ = map[string]string{}
	}
	return configLoader{environ: environ, hostname: func() (string, error) { return "host", nil }, timeout: 50 * time.Millisecond}
}

// writeConfig writes a file that only its owner can read and returns its path.
func writeConfig(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my.cfg")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantConfigError fails unless err is a *ConfigError that says all parts.
func wantConfigError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var ce *ConfigError
	if !errors.As(err, &ce) {
		t.Fatalf("error is %v, want a *ConfigError", err)
	}
	if ce.Problem == "" || ce.Remedy == "" {
		t.Errorf("no problem or no remedy in %#v", ce)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestConfigPrecedence(t *testing.T) {
	path := writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://file/db\nprefix = fromfile_\ntaskDir = tasks\nprocessors = 2\n")
	l := testLoader(map[string]string{"LGTASK_PREFIX": "fromenv_", "LGTASK_PROCESSORS": "", "LGTASK_CLASSES": "A, B,,A"})
	c, err := l.load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.TaskDatabase != "mongodb://file/db" || c.Prefix != "fromenv_" || c.Processors != 2 || c.TaskName != "host" {
		t.Errorf("got %v", c)
	}
	if want := filepath.Join(filepath.Dir(path), "tasks"); c.TaskDir != want {
		t.Errorf("TaskDir = %q, want %q", c.TaskDir, want)
	}
	if !slices.Equal(c.Classes, []string{"A", "B"}) {
		t.Errorf("Classes = %q", c.Classes)
	}
	if c.Retention != (Retention{oneDay, 7 * oneDay, 7 * oneDay}) || c.Grace != 8*time.Second || c.LogLevel != "info" || c.LogFormat != "auto" {
		t.Errorf("defaults are wrong: %v", c)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %q", c.Warnings)
	}
	// A flag is set on the field, after the load.
	c.Processors = 20000
	wantConfigError(t, c.Validate(), "processors", "20000", "10000")
	c.Processors = 3
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigFromEnvReadsTheEnvironment(t *testing.T) {
	for _, s := range ConfigSettings() {
		t.Setenv(s.Env, "")
		t.Setenv(s.Env+"_FILE", "")
	}
	t.Setenv("LGTASK_DATABASE", "mongodb://h/db")
	t.Setenv("LGTASK_NAME", "worker")
	t.Setenv("LGTASK_TASK_DIR", "tasks")
	c, err := ConfigFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if c.TaskDatabase != "mongodb://h/db" || c.TaskName != "worker" || c.TaskDir != filepath.Join(here, "tasks") {
		t.Errorf("got %v", c)
	}
	t.Setenv("LGTASK_PREFIX", "x_")
	c, err = LoadConfig(writeConfig(t, "[taskProcessor]\nprefix = y_\n"))
	if err != nil || c.Prefix != "x_" {
		t.Errorf("Prefix = %q, %v", c.Prefix, err)
	}
}

func TestConfigWithoutHostName(t *testing.T) {
	l := testLoader(nil)
	l.hostname = func() (string, error) { return "", errors.New("no name") }
	_, err := l.fromEnv()
	wantConfigError(t, err, "taskName", "LGTASK_NAME")
	l.environ["LGTASK_NAME"] = "n"
	if c, err := l.fromEnv(); err != nil || c.TaskName != "n" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	for _, text := range []string{"mongodb://bob:hunter2@h/db", "mongodb://bob:hunter2", "bob:hunter2@h"} {
		c := Config{TaskDatabase: text, MongoHosts: []string{text}, TaskDir: "mongodb://bob:hunter2@h/"}
		encoded, err := json.Marshal(struct{ C Config }{c})
		if err != nil {
			t.Fatal(err)
		}
		c.TaskDir = "mongodb://bob:hunter2@h/"
		shown := fmt.Sprintf("%v %+v %#v %s %q %d %x %v %v", c, c, c, c, c, c, c, &c, []Config{c})
		if encoded := strings.ReplaceAll(string(encoded), c.TaskDir, ""); strings.Contains(encoded, "hunter2") || strings.Contains(shown, "hunter2") {
			t.Errorf("the password is shown: %s %s", shown, encoded)
		}
	}
}

func TestConfigWarnsOfOptionsWithoutEffect(t *testing.T) {
	c, err := testLoader(map[string]string{"LGTASK_DATABASE": "mongodb://h/?retryWrites=false&w=1"}).fromEnv()
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "retryWrites, w") {
		t.Errorf("%q, %v", c.Warnings, err)
	}
}

// The table of settings, the struct and the variables must agree.
func TestConfigSettingsAreComplete(t *testing.T) {
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.IsExported() && f.Name != "Warnings" {
			fields = append(fields, f.Name)
		}
	}
	var names, keys, envs []string
	variables := reflect.TypeFor[configEnv]()
	for _, s := range configSettings {
		names, keys, envs = append(names, s.Name), append(keys, s.FileKey), append(envs, s.Env)
		f, ok := variables.FieldByName(s.Name)
		if tag := f.Tag.Get("env"); !ok || "LGTASK_"+tag != s.Env {
			t.Errorf("%s is read from LGTASK_%s, the table says %s", s.Name, tag, s.Env)
		}
		if s.Default == "" || s.Meaning == "" || s.get == nil || s.set == nil || s.check == nil {
			t.Errorf("%s is incomplete", s.Name)
		}
	}
	if !slices.Equal(names, fields) {
		t.Errorf("the table has %q\nConfig has %q", names, fields)
	}
	if variables.NumField() != len(names) {
		t.Errorf("configEnv has %d fields, the table %d", variables.NumField(), len(names))
	}
	for _, list := range [][]string{keys, envs} {
		slices.Sort(list)
		if len(slices.Compact(list)) != len(names) {
			t.Errorf("a name is used twice in %q", list)
		}
	}
	if len(ConfigSettings()) != len(names) {
		t.Error("ConfigSettings is not the table")
	}
}

// Each setting, given as text in the environment and in a file, reaches its
// field, and its get gives back what set understands.
func TestConfigSettingsReachTheirFields(t *testing.T) {
	texts := map[string]string{"taskDatabase": "mongodb://u:p@h/d", "prefix": "p_", "taskDir": "/t", "taskName": "n", "processors": "7",
		"classes": "A,B", "retention": "success=1h0m0s,error=2d,aborted=forever", "lockDir": "/l", "logLevel": "warn", "logFormat": "json",
		"logFile": "/f", "httpAddr": "127.0.0.1:80", "mongoHosts": "a:1 mongodb://u:p@b,c/?tls=true", "grace": "3s", "maxAttempts": "4", "onStuck": "exit"}
	for _, s := range configSettings {
		text := texts[s.FileKey]
		fromEnv, err1 := testLoader(map[string]string{s.Env: text}).fromEnv()
		fromFile, err2 := testLoader(nil).load(writeConfig(t, "[taskProcessor]\n"+s.FileKey+" = '"+text+"' # comment\n"))
		if err := errors.Join(err1, err2); err != nil {
			t.Errorf("%s: %v", s.FileKey, err)
			continue
		}
		if s.get(&fromEnv) != text || s.get(&fromFile) != text {
			t.Errorf("%s is %q from the environment, %q from a file, want %q", s.FileKey, s.get(&fromEnv), s.get(&fromFile), text)
		}
		field := reflect.ValueOf(fromFile).FieldByName(s.Name)
		if field.IsZero() {
			t.Errorf("the field %s is not set", s.Name)
		}
		fromFile.TaskDatabase = "mongodb://h"
		if err := fromFile.Validate(); err != nil {
			t.Errorf("%s: %v", s.FileKey, err)
		}
	}
}
