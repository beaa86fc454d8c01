// Package programs tests the program lgtaskprocessor as it is deployed: the
// binary, built once, started as processes that are signalled, killed and
// started again, with a task folder, names and a database of each test's own. It
// has no code of its own.
package programs
