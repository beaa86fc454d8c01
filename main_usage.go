package lgtask

const usage = `%[1]s runs task processors on a central MongoDB.

Usage:
  %[1]s [CONFIG [COUNT]]
  %[1]s --help | --version

CONFIG is an INI file with the section [taskProcessor]; without one everything
comes from the environment. COUNT is how many processors run, each one task at
a time (default: LGTASK_PROCESSORS, the file's "processors", 1). They are named
after the host: host-1, host-2, ...; with one, just host.

Examples:
  LGTASK_DATABASE=mongodb://localhost/mytasks %[1]s
  %[1]s /home/user/myAppProcessor.cfg 2

where myAppProcessor.cfg holds

  [taskProcessor]
  taskDatabase = 'mongodb://user:password@server:27017/mytasks'

The settings are listed in docs/configuration.md. Precedence: argument,
environment, file, default. A password is best put into a file that only this
user can read, named by LGTASK_DATABASE_FILE.

SIGTERM and SIGINT stop cleanly: running tasks get 8 s (LGTASK_GRACE) to end,
the rest is given back. A second signal ends the program at once.

Exit codes: 0 stopped cleanly, 1 a failure while running, 2 wrong usage or
configuration, or MongoDB cannot be used at the start.

The classes that run are those compiled into the program. To compile in your
own, write

  func main() {
      reg := lgtask.NewRegistry()
      lgtask.Register[MyAppTask](reg)
      os.Exit(lgtask.Main(reg))
  }
`
