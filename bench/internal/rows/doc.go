// Package rows holds the measurements of the benchmark: what is set up, what is
// counted from when to when, and what of MongoDB alone it is compared with.
//
// # Fairness
//
// Both sides of a row are measured in each round, one after the other and in
// turns which comes first, on databases of their own that lgtask set up: the same
// documents, validator and indexes. lgtask has its default settings. Before the
// rounds a short trial warms up the server.
//
// # The check
//
// A round counts only if each of its tasks ran exactly once and is stored as
// success, by a count of the handlers' starts and by a query. A row whose check
// fails has no result.
//
// # Time
//
// A row whose drain would take far longer than meant, by the trial, runs fewer
// tasks, and says so in its parameters. What makes no progress for 20 s fails.
package rows
