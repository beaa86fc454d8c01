// Command lgtaskprocessor runs task processors on a central MongoDB:
//
//	lgtaskprocessor [CONFIG [COUNT]]
//
// CONFIG is an INI file with the section [taskProcessor]; without one everything
// comes from LGTASK_… variables. COUNT is how many processors run, each one task
// at a time. --help tells more.
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
// and enqueue a task in another, with mongosh:
//
//	mongosh try --eval 'db.tasks.insertOne({taskClass: "Echo", state: "request", kwargs: {text: "hello"}})'
//
// The processor prints the kwargs, and the task's state becomes "success".
//
// # Exit codes
//
// 0 after a clean stop (SIGTERM, SIGINT), 1 after a failure while running or a
// second signal, 2 if the arguments or the configuration are wrong or MongoDB
// cannot be used at the start.
package main

import (
	"os"

	"github.com/lgtask/lgtask"
)

func main() {
	reg := lgtask.NewRegistry()
	lgtask.Register[Echo](reg)
	os.Exit(lgtask.Main(reg))
}
