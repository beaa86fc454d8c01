// Package clocks holds the tests of clocks that are wrong, or are set while lgtask runs:
// those of a worker, by a program whose clock can be set wrong (package skew), and those
// of the server, by libfaketime, which has to be installed. The clock of the machine is
// never touched.
//
//	make faults
//
// What is promised: a clock decides neither who is dead nor who has a task; nothing
// starts early by the server's clock, and nothing later than by the step; intervals
// neither burst nor stand still.
package clocks
