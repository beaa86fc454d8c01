// Package examples holds programs to read and run, one topic each:
//
//	quickstart    a class, a processor, a task
//	delayed       tasks that run later
//	batch         many requests, few runs
//	interval      interval and cron tasks
//	singleton     one run at a time; a loop; a singleton for each database
//	magic         kwargs that are MongoDB collections, databases and clients
//	drain         working off what there is, then ending
//	transaction   a task that exists only if the caller's transaction commits
//	ownprocessor  a processor program with a configuration file
//	tasks         a folder of tasks in Go, Python and shell; see its README
//	demo          all of it: counts the Go installation's source
//
// All but tasks and demo use the database that LGTASK_DATABASE names, as a program of yours
// would. With a MongoDB replica set of one node or more:
//
//	export LGTASK_DATABASE='mongodb://127.0.0.1:27017/examples?replicaSet=rs0'
//	go run ./examples/quickstart
//
// Or with a server that lives as long as the command:
//
//	go run ./internal/mongod/cmd/withmongod -- \
//		sh -c 'LGTASK_DATABASE=$LGTASK_TEST_DATABASE go run ./examples/quickstart'
//
// They can be run again and again; one that is stopped in the middle may leave
// tasks behind, which the next run of the same example works off.
package examples
