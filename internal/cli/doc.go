// Package cli is the command line of lgtaskprocessor: the commands that enqueue
// tasks and look at them, beside the form that runs processors.
//
// # What is a command
//
// A first argument that is the name of a command is that command. Everything
// else, no argument at all included, is the form [CONFIG [COUNT]] and is left to
// Hooks.Run. A configuration file whose name is that of a command is written as
// a path: ./list.
//
// # Output
//
// What a program may want goes to standard output: the ID of a task, a table, a
// log. Words about it, warnings and errors go to standard error. With --json
// standard output has one JSON document, or one a line for lists; its field
// names stay, and kwargs are relaxed Extended JSON.
//
// Everything that comes from the database is shown without the credentials of
// addresses, and characters that a terminal would act on are escaped.
//
// # Errors
//
// Each is one line on standard error that names the value and what to do. The
// exit code is 2 if the arguments, the configuration or a task's values are
// wrong or the database cannot be reached, 1 if the call failed, such as for a
// task that does not exist or a name that is taken, and 130 after a signal. An
// address with a user or password is refused as an argument, which everybody on
// the host can see.
//
// # Where calls go
//
// Inside a task that is a program of its own (LGTASK_SOCKET is set) calls go to
// the processor that runs it, which does them on its connection. Elsewhere, and
// with --config, they go to the task database.
package cli
