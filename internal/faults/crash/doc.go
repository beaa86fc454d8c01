// Package crash holds the tests of processes that end, freeze or are starved: killed
// at any moment, told to stop, ended by their own handlers, stopped beyond their
// lease, short of processor time. The processes are real: the test binary started
// again as a worker, which is a program as users write it. Each test ends with the
// same judgement, see world.judge.
//
//	make faults
//
// What needs root (control groups) has the tag root too.
//
// CRASH_SEED=7 repeats the schedule of kills that a test has logged.
package crash
