// Package child runs parts of a benchmark in processes of their own: copies of
// the running program, told by a hidden first argument to play a role.
//
// # Protocol
//
// Parent and child exchange lines of JSON over the child's standard input and
// output, one request and one reply at a time. The child's first line says that
// it is ready. Standard error is the parent's.
//
// # Guarantees
//
// A child ends when its input closes, so none outlives its parent, even a killed
// one. A call whose context ends kills the child: a benchmark that waits longer
// than it may has failed anyway.
//
// # Duties
//
// The program's main function (and TestMain) calls Main first. Every child is
// closed. Calls of one child are made one after the other.
package child
