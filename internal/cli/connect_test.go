package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// A command that needs a configuration says which, in one line.
func TestConfigurationErrors(t *testing.T) {
	for _, name := range []string{"LGTASK_DATABASE", "LGTASK_DATABASE_FILE"} {
		t.Setenv(name, "")
	}
	missing := filepath.Join(t.TempDir(), "missing.cfg")
	for _, command := range []string{"create Mail", "list", "show x", "logs x", "logs x -f", "schedules", "processors"} {
		for args, part := range map[string]string{"": "LGTASK_DATABASE", " --config " + missing: "no such file", " --config=": "--config is empty"} {
			code, stdout, stderr := run(t, Hooks{}, strings.Fields(command+args)...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, part) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s: %d %s%s", command+args, code, stdout, stderr)
			}
		}
	}
}
