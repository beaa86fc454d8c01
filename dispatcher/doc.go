// Package dispatcher gives tasks to named processors: claim, run, finish.
//
// # Guarantees
//
// Each named processor runs one task at a time. A name is taken before a claim
// is sent, so a claimed task starts at once. Tasks of classes that are not
// registered are never claimed. A handler that fails, panics or calls
// runtime.Goexit ends its own task only.
//
// # Where work comes from
//
// Offers are tasks that the stream or the timer wheel brought; they are claimed
// by _id while a processor is free. When none is, the offer is dropped and the
// backlog flag is set: the task is in the database, and the next free processor
// sweeps for it, highest priority first. The flag is cleared only by a sweep
// that found less than it asked for. So an offer is a hint and a sweep is the
// truth, and nothing waits in memory.
//
// # Names
//
// A claim that is refused because a run of its name is going puts a batch or
// scheduled run into the blocked set, which sweeps leave out until the name is
// freed (Unblock), and ends a plain or delayed run of a singleton class. The
// claim is tried once more after its name was put into the set: the run may have
// ended in between, and its end would then have been announced too early.
//
// # Stopping
//
// Ending Run's context stops the intake. Running handlers get the grace to end;
// then their contexts are cancelled with cause ErrStopping and what does not
// succeed is given back without spending an attempt. A handler that ignores even
// that is abandoned: Run returns *StuckError and its task stays claimed.
//
// # Failure behaviour
//
// A claim or a sweep that fails is tried again after a back-off, for ever. A
// completion is written again until the database takes it or the dispatcher has
// stopped; tasks.ErrFenced ends that: somebody else has the task.
package dispatcher
