package lgtask

import (
	"fmt"
	"runtime/debug"
	"strings"
	"text/tabwriter"
)

// helpFormat is what --help prints: %[1]s is the program, %[2]s its classes, %[3]s
// the settings.
const helpFormat = `%[1]s runs task processors on a central MongoDB.

Usage:
  %[1]s [CONFIG [COUNT]]
  %[1]s --replace [CONFIG [COUNT]]
  %[1]s --health [CONFIG [COUNT]]
  %[1]s --help | --version

CONFIG is an INI file with the section [taskProcessor]; without one everything
comes from the environment. COUNT is how many processors run, each one task at
a time (default: LGTASK_PROCESSORS, the file's "processors", 1). They are named
NAME-1, NAME-2, ...; with one, just NAME, which is the host's name or taskName.

A name never runs twice. A start takes the names that are free and ends with 0,
and without a word, if none is: so cron can start it every minute. --replace
stops who has the names on this host first. --health says whether they run.

Examples:
  LGTASK_DATABASE=mongodb://localhost/mytasks %[1]s
  %[1]s /home/user/myAppProcessor.cfg 2
  * * * * * %[1]s /home/user/myAppProcessor.cfg 2     (a line of crontab)

where myAppProcessor.cfg holds

  [taskProcessor]
  taskDatabase = 'mongodb://user:password@server:27017/mytasks'
  taskDir = '/home/user/myAppTasks'

Each executable file in taskDir is a task class, whatever its language; see
docs/executables.md.

MongoDB must be a replica set; one node is enough: start mongod with
--replSet rs0 and run rs.initiate() once.

The classes compiled into this program: %[2]s.
To compile in your own, write

  func main() {
      reg := lgtask.NewRegistry()
      lgtask.Register[MyAppTask](reg)
      os.Exit(lgtask.Main(reg))
  }

Settings, in the file and in the environment:

%[3]s
Precedence: argument, environment, file, default. A password is best put into a
file that only this user can read, named by LGTASK_DATABASE_FILE. What each
setting means is told in docs/configuration.md.

SIGTERM and SIGINT stop cleanly: running tasks get the grace (8 s) to end, the
rest is given back. A second signal ends the program at once.

Exit codes: 0 stopped cleanly, or all names were taken; 1 a failure while
running; 2 wrong usage or configuration, or MongoDB cannot be used at the start.
`

func helpText(program string, classes []string) string {
	names := "none"
	if len(classes) > 0 {
		names = strings.Join(classes, ", ")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, s := range configSettings {
		// What is written to a builder cannot fail.
		_, _ = fmt.Fprintf(w, "  %s\t%s\tdefault: %s\n", s.FileKey, s.Env, s.Default)
	}
	_ = w.Flush()
	return fmt.Sprintf(helpFormat, program, names, table.String())
}

// buildVersion is the program's version, that of the lgtask in it, and the
// revision it was built from, as far as the build recorded them.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	return versionText(info)
}

func versionText(info *debug.BuildInfo) string {
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	if builtFrom != "" {
		text = "tasks " + builtFrom
	}
	for _, m := range info.Deps {
		if m.Path == modulePath {
			text += " lgtask " + m.Version
		}
	}
	changed := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return text + changed + " " + info.GoVersion
}

// builtFrom names the state of the task folder that a generated program was made
// of. The linker sets it.
var builtFrom string

const modulePath = "github.com/lgtask/lgtask"
