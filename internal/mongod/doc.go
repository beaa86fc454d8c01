// Package mongod gives tests, benchmarks and the demo a real MongoDB server on
// any machine: it finds a mongod (fetching one where it can), starts it as a
// replica set that accepts writes, and ends it with its owner.
//
// # Guarantees
//
//   - A server listens on loopback only (unless it is given other addresses), on
//     a port of its own, over a fresh temporary directory. Nothing of another
//     server is touched.
//   - When [Start] returns, the set has a primary and, with three members, two
//     secondaries that count for a majority.
//   - mongod ends and its directory disappears when the owner calls
//     [Server.Stop], returns from main, or is killed with SIGKILL: every mongod
//     runs under a small sh process that waits for its standard input, a pipe
//     whose other end only the owner holds, to close.
//   - Signals that a terminal sends to the owner (Ctrl-C) do not reach mongod,
//     which runs in a session of its own, so an owner can still finish its work.
//   - A server lives on if its owner keeps nothing but the URI.
//   - A Server keeps no goroutine of its own between calls, so goroutine leak
//     checks in tests see nothing of it.
//
// # Duties
//
// The methods of a [Server] must not be called at the same time, except URI.
//
// # Which server tests use
//
// [ForTests] uses the server named by LGTASK_TEST_DATABASE, else one of its own
// for each process. It never reads LGTASK_DATABASE, which may be production.
//
// # Failure
//
// Where no mongod can be found or fetched, the error says what is missing and
// that LGTASK_TEST_DATABASE can name a server instead. When mongod does not
// start, the error carries the last lines it wrote.
//
// Starting a server works on Linux and macOS; fetching mongod on Linux x86-64.
package mongod
