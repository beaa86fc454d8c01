// Package faults holds the tests of single faults: each makes one thing go wrong on
// real servers and processes, and checks what is promised for it. They take minutes,
// so they have a build tag of their own:
//
//	make faults
//
// What goes wrong at random is in the chaos program.
package faults
