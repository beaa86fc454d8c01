// Command lgtaskprocessor runs task processors on a central MongoDB:
//
//	lgtaskprocessor [CONFIG [COUNT]]
//
// CONFIG is an INI file with the section [taskProcessor]; without one everything
// comes from LGTASK_… variables. COUNT is how many processors run, each one task
// at a time. --help tells more.
//
// With a command as the first argument it enqueues tasks and shows them:
//
//	lgtaskprocessor create|delay|batch|interval|cron|unschedule|pause|resume …
//	lgtaskprocessor list|show|logs|schedules|processors …
//	lgtaskprocessor log|progress …          inside a task
//	lgtaskprocessor help [COMMAND]
//
// This is the stock program, for trying an installation. The class compiled into
// it is [Echo]; a program with classes of one's own is five lines around
// lgtask.Main:
//
//	func main() {
//		reg := lgtask.NewRegistry()
//		lgtask.Register[MyAppTask](reg)
//		os.Exit(lgtask.Main(reg))
//	}
//
// # Trying an installation
//
// Start the processor in one terminal,
//
//	LGTASK_DATABASE=mongodb://localhost/try lgtaskprocessor
//
// and enqueue a task in another:
//
//	export LGTASK_DATABASE=mongodb://localhost/try
//	lgtaskprocessor logs -f "$(lgtaskprocessor create Echo text=hello)"
//
// The processor prints the kwargs, and the task's state becomes "success". Other
// programs insert the document {taskClass: "Echo", state: "request", kwargs:
// {text: "hello"}} into the collection tasks.
//
// # Exit codes
//
// 0 after a clean stop (SIGTERM, SIGINT), 1 after a failure while running or a
// second signal, 2 if the arguments or the configuration are wrong or MongoDB
// cannot be used at the start. Commands: 0, 1 if the call failed, 2 as above, 130
// after a signal.
package main

import (
	"os"
	_ "time/tzdata" // an image with nothing but this program has no others

	"github.com/lgtask/lgtask/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], hooks()))
}
