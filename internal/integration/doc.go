// Package integration holds tests of lgtask as a whole: several processor
// processes on one real server, with streams that are cut, collections that are
// dropped, processes that are killed, and tasks inserted by another language.
//
// A child process is this package's own test program, started again with an
// environment variable that says what to run; it ends when its standard input
// closes, and so with its parent. Every handler records its runs in the
// collection "effects" of the test's database, and the tests compare these
// records with what was asked for: each task ran, none twice, none too early, no
// two runs of a name at a time.
//
// Beside the server the tests need python3 with pip (package python3-pip), which
// installs the Python driver into .cache/ of this module.
package integration
