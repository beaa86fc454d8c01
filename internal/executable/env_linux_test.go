package executable_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lgtask/lgtask/internal/executable"
)

// TestEnvironment plants what must not get to a task.
func TestEnvironment(t *testing.T) {
	const secret = "pl4nt3d"
	for name, value := range map[string]string{
		"LGTASK_DATABASE": "mongodb://u:" + secret + "@h", "LGTASK_DATABASE_FILE": secret, "LGTASK_RUN": secret, "lgtask_x": secret,
		"AWS_SECRET": secret, "LD_PRELOAD_X": secret, "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "WANTED": "wanted", "PATH": "",
	} {
		t.Setenv(name, value)
	}
	file := shell(t, "# lgtask: env=WANTED,ABSENT\n/usr/bin/env; /usr/bin/tr '\\0' ' ' </proc/$$/cmdline")
	_, out := run(t, executable.Spec{File: file, Stdin: []byte(secret), Env: []string{"LGTASK_ATTEMPT=2", "TZ=CET", "BOTH=1", "BOTH=2"}})
	if all := strings.Join(out.stdout, "\n"); strings.Contains(all, secret) {
		t.Errorf("a secret is in environment or command line:\n%s", all)
	}
	for _, want := range []string{
		"LANG=C", "LC_ALL=C", "TZ=CET", "WANTED=wanted", "LGTASK_ATTEMPT=2", "BOTH=2",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	} {
		if !slices.Contains(out.stdout, want) {
			t.Errorf("no %s in %q", want, out.stdout)
		}
	}
	var ours []string
	for _, line := range out.stdout {
		name, _, assigned := strings.Cut(line, "=")
		if assigned && strings.HasPrefix(name, "LGTASK_") {
			ours = append(ours, name)
		}
		if name == "ABSENT" || name == "LGTASK_SOCKET" {
			t.Errorf("there is %s", line)
		}
	}
	slices.Sort(ours)
	if want := []string{"LGTASK_ATTEMPT", "LGTASK_RUN", "LGTASK_TASK_DIR"}; !slices.Equal(ours, want) {
		t.Errorf("variables of ours: %q, want %q", ours, want)
	}
}
