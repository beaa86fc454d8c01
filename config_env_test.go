package lgtask

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func secretFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecretFiles(t *testing.T) {
	const address = "mongodb://u:hunter2@h/db"
	tests := []struct {
		name, content string
		mode          os.FileMode
		warn          bool
	}{
		{"plain", address, 0o600, false},
		{"line break at end", address + "\n", 0o400, false},
		{"CRLF at end", address + "\r\n\r\n", 0o640, false},
		{"BOM", utf8BOM + address, 0o600, false},
		{"for everybody", address, 0o644, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := secretFile(t, tt.content, tt.mode)
			c, err := testLoader(map[string]string{"LGTASK_DATABASE_FILE": path, "LGTASK_DATABASE": ""}).fromEnv()
			if err != nil || c.TaskDatabase != address {
				t.Fatalf("TaskDatabase = %q, %v", c.TaskDatabase, err)
			}
			if warned := slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, path) }); warned != tt.warn {
				t.Errorf("warnings: %q", c.Warnings)
			}
		})
	}
	path := secretFile(t, "a:1\nmongodb://u:p@b/?tls=true\n", 0o600)
	c, err := testLoader(map[string]string{"LGTASK_MONGO_HOSTS_FILE": path}).fromEnv()
	if err != nil || !slices.Equal(c.MongoHosts, []string{"a:1", "mongodb://u:p@b/?tls=true"}) {
		t.Errorf("MongoHosts = %q, %v", c.MongoHosts, err)
	}
	// The file counts as environment: it wins over the configuration file.
	l := testLoader(map[string]string{"LGTASK_DATABASE_FILE": secretFile(t, address, 0o600)})
	c, err = l.load(writeConfig(t, "[taskProcessor]\ntaskDatabase = mongodb://other\n"))
	if err != nil || c.TaskDatabase != address {
		t.Errorf("TaskDatabase = %q, %v", c.TaskDatabase, err)
	}
}

func TestSecretFilesRefused(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxSecretFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		environ map[string]string
		parts   []string
	}{
		{map[string]string{"LGTASK_DATABASE_FILE": filepath.Join(dir, "missing")}, []string{"taskDatabase", "LGTASK_DATABASE_FILE", "no such file"}},
		{map[string]string{"LGTASK_DATABASE_FILE": secretFile(t, "", 0o600)}, []string{"is empty"}},
		{map[string]string{"LGTASK_DATABASE_FILE": secretFile(t, "\r\n", 0o600)}, []string{"is empty"}},
		{map[string]string{"LGTASK_DATABASE_FILE": dir}, []string{"folder"}},
		{map[string]string{"LGTASK_DATABASE_FILE": large}, []string{"larger than 64 KiB"}},
		{map[string]string{"LGTASK_DATABASE_FILE": "/x", "LGTASK_DATABASE": "mongodb://u:hunter2@h"},
			[]string{"LGTASK_DATABASE and LGTASK_DATABASE_FILE are both set"}},
		{map[string]string{"LGTASK_MONGO_HOSTS_FILE": "/x", "LGTASK_MONGO_HOSTS": "mongodb://u:hunter2@h"},
			[]string{"LGTASK_MONGO_HOSTS and LGTASK_MONGO_HOSTS_FILE are both set"}},
		{map[string]string{"LGTASK_PROCESSORS": "two"}, []string{"processors", "LGTASK_PROCESSORS", `"two"`}},
		{map[string]string{"LGTASK_PROCESSORS": "mongodb://u:hunter2@h"}, []string{"mongodb://xxxxx@h"}},
	}
	for _, tt := range tests {
		_, err := testLoader(tt.environ).fromEnv()
		wantConfigError(t, err, tt.parts...)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %q shows the password", err)
		}
	}
	// More than one line is a mistake that the check of the address finds.
	c, err := testLoader(map[string]string{"LGTASK_DATABASE_FILE": secretFile(t, "mongodb://u:hunter2@h\nx\n", 0o600)}).fromEnv()
	if err != nil {
		t.Fatal(err)
	}
	wantConfigError(t, c.Validate(), "LGTASK_DATABASE_FILE", "line break")
}

func TestMisspeltVariables(t *testing.T) {
	c, err := testLoader(map[string]string{"LGTASK_DATABSE": "x", "LGTASK_PREFXI": "y", "LGTASK_DATABASE_FIL": "z", "LGTASK_CLASS": "c",
		"LGTASK_SOCKET": "s", "LGTASK_TEST_DATABASE": "t", "LGTASK_": "", "OTHER": "o"}).fromEnv()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"LGTASK_DATABASE_FIL is not a setting: did you mean LGTASK_DATABASE_FILE?",
		"LGTASK_DATABSE is not a setting: did you mean LGTASK_DATABASE?",
		"LGTASK_PREFXI is not a setting: did you mean LGTASK_PREFIX?"}
	if !slices.Equal(c.Warnings, want) {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

// A device that never ends is cut off by size.
func TestReadConfigFileIsBounded(t *testing.T) {
	_, _, err := readConfigFile("/dev/zero", 1000, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "larger") && !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error is %v", err)
	}
}
