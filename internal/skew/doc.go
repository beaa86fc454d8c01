// Package skew builds a program whose clock can be set wrong, so that what it does
// then can be measured without touching the clock of the machine.
//
// The go command builds the program with a file of Go's own replaced: its package
// time with one more addition in time.Now. The replacement is made from the file
// that the toolchain has. So everything in that program, the driver of MongoDB
// included, believes in the wrong time of day. Timers, and the differences between
// two instants of one process, are right, as on a machine whose clock is wrong.
//
// # Failure
//
// Build fails where there is no go command, outside of this module's source, and
// with a toolchain whose time.Now looks otherwise: it builds no program
// whose clock cannot be set wrong.
package skew
