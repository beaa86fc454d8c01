package docker

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/lgtask/lgtask"
)

// variable matches a variable that a file gives to the program.
var variable = regexp.MustCompile(`LGTASK_[A-Z][A-Z_]*`)

// TestSettingsExist keeps the files from naming settings that the program no
// longer has: a setting of an unknown name would be ignored.
func TestSettingsExist(t *testing.T) {
	var known []string
	for _, s := range lgtask.ConfigSettings() {
		known = append(known, s.Env)
		if s.Secret {
			known = append(known, s.Env+"_FILE")
		}
	}
	for _, file := range []string{"Dockerfile", "taskdir.Dockerfile", "compose.yaml", "README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := variable.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no setting at all", file)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is not a setting", file, name)
			}
		}
	}
}
