// Package simulation runs many processes with the real dispatcher, signs of life and
// rescue in them on package model's task database, in virtual time, and lets go wrong
// what seldom does: processes are killed, frozen, cut off and told to stop; statements
// do not arrive, arrive when nobody waits for them any more, or lose their replies;
// primaries are lost with what no majority had, and streams have gaps. What happens
// depends on a seed.
//
//	make simulate                           # 10,000 seeds, about a minute on two processors
//	make simulate SIM_SEED=7                # one seed, with all that happens
//	make simulate SIM_SEED=7 SIM_SEEDS=500  # so many from there on
//
// TestSimulation of the root package, which has the code of a [Life], runs some hundred.
//
// # What is checked
//
// A book is kept of all that a majority has, and of all that handlers do. It knows
// which process is dead, frozen or cut off, and blames who breaks a promise:
//
//   - An acknowledged task is there, and has ended when some minutes have passed in which
//     nothing went wrong.
//   - One claim runs once, not before the task is due, and not in a process that has
//     fenced itself. A task whose end was acknowledged runs no more.
//   - A task, a name of tasks and a processor have one run at a time. A second begins
//     only when the first's process was taken for dead and the first could not know it
//     (frozen), does not heed its context, or is of a class that may go on.
//   - A task has the end that the run with its last claim returned, and no other; it has
//     spent no more attempts than it ran.
//   - Nobody is buried who is alive, unless a lease passed without a sign of life, and
//     only who was frozen or cut off meanwhile.
//   - A process gives back only what a late copy of its claim took, as what it does not
//     know of.
//   - No two processes have a name. In the end each processor takes a task, and no
//     goroutine is left: the bubble of testing/synctest sees to that.
//
// # How
//
// A world has hosts, a slot each in which a process is started again and again as by
// cron, and producers. A process has a line to the server, which gives each statement
// its fate, and a stream, which stands for watcher, wheel and engine. All random numbers
// come from dice of one purpose each, so that one more statement here changes nothing
// there. Durations have whole nanoseconds: hardly any two things happen in one instant.
// Where they do, Go's scheduler decides, and where it is held up its decision may differ:
// of 320 runs of 40 seeds on a busy machine three took another way than the others. So a
// single seed is tried ten times.
//
// Not simulated: the driver, watcher, wheel and engine (their own tests have faults),
// schedules, and clocks that differ. The model stands for the store's statements;
// TestClaims and TestProcesses hold it to the real one.
package simulation
