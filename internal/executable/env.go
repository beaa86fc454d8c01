package executable

import (
	"slices"
	"strings"
)

// defaultPath is for processors that were started without PATH, as by cron.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var allowed = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"}

// environment picks from ours, as "NAME=value", what is allowed or named, and
// adds further, which wins. Variables of lgtask are never picked: among them is
// the address of the database.
func environment(ours, named, further []string) []string {
	env := []string{defaultPath}
	for _, entry := range ours {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(strings.ToUpper(name), "LGTASK_"), name == "PATH" && value == "":
		case slices.Contains(allowed, name), strings.HasPrefix(name, "LC_"), slices.Contains(named, name):
			env = append(env, entry)
		}
	}
	return append(env, further...) // exec.Cmd keeps the last of a name
}
