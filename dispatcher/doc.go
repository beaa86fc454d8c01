// Package dispatcher gives tasks to named processors: claim, run, finish.
//
// # Guarantees
//
// Each named processor runs one task at a time. A claimed task starts at once,
// but for what is claimed ahead, see below. Tasks of classes that are not
// registered are never claimed. A handler that fails, panics or calls
// runtime.Goexit ends its own task only, and its processor goes on; so does a
// panic while a task's name is computed.
//
// # Where work comes from
//
// Offers are tasks that the stream or the timer wheel brought; they are claimed
// by _id while a processor is free, higher priorities first. When none is, the
// offers are dropped and the backlog flag is set: the tasks are in the database,
// and the next free processor sweeps for them. The flag is cleared before a
// sweep reads, and set again if the sweep found as many as it asked for. So an
// offer is a hint and a sweep is the truth, and nothing waits in memory.
//
// A sweep for many goes on: the next page is read while the one before is claimed,
// for half a second at most, since what comes in in front of it is not seen. Tasks of
// a higher priority are looked for meanwhile, every 30 ms, and go in front.
//
// A task may be offered up to tasks.MaxLead before it is due. It is claimed at once,
// and starts when Options.Now has reached its instant, or MaxLead after its claim.
//
// # Ahead, and together
//
// Claiming and recording one task at a time leaves processors waiting for the
// database: 2,450 tasks that do nothing were drained a second so, and 17,000 to
// 22,000 on the same machine by the following.
//
// Short work is claimed ahead: as much as is done in twice the time of a claim, at
// most 40 ms of it and 2,000 tasks, by what runs of each class lately took; from 200
// on by two statements at the same time. Processors take the next task from it
// without a further look at the database, the highest priority first; only as many
// processors do as the work is worth, see startReadyLocked.
// Nothing is claimed ahead of a class that is long or not known yet, of one with a
// name, or of a task under which a process died. Tasks that end as an error if
// another process dies under them run one at a time, see apart. What is not started in 40 ms,
// since all processors turned out to be busy with longer work, is given back.
//
// Ends of tasks without a key are recorded together: whatever has ended while a
// statement is under way goes with the next. A processor goes on before the end
// of its last task is recorded. Nothing waits for a statement to fill up.
//
// What is left, by profiles of a drain on two cores: the server spends 70 to 80 µs of
// CPU on a task, the client 14 to 16, and both cores are 94 % busy. Of the server's
// time 30 µs are the claim and 27 the end, each a change of the document, of two to
// three index entries and an entry of the oplog; a sixth is moving pages with many
// versions out of the way; reading is 3 µs. Of the client's time half is the
// driver's. With 16 processes each reads the _ids of all that waits to find its own,
// which is a third of the server's time then.
//
// A producer in this process may Reserve a free processor and insert its task
// claimed by it.
//
// # Names
//
// A claim that is refused because a run of its name is going puts a batch or
// scheduled run into the blocked set, which sweeps leave out until the name is
// freed (Unblock), and ends a plain or delayed run of a singleton class. The
// claim is tried once more after its name was put into the set: the run may have
// ended in between, and its end would then have been announced too early.
//
// # Processors that come and go
//
// AddName adds a processor to a running dispatcher. Retire hands all of them
// over: none takes a task any more, and each is let go when its own has ended.
//
// # Handlers that do not return
//
// Nothing in Go ends a goroutine. A handler that goes on for Options.Patience after
// its context ended is stuck: it is counted and told of, its task stays claimed and
// its processor without work until it returns. With Options.Replace the processor
// takes other tasks meanwhile; as many handlers may be left behind as there are
// processors, so that a class which always hangs does not grow without end.
//
// # Stopping
//
// Ending Run's context stops the intake: no claim is sent any more, and what one
// under way still wins is given back unstarted. Running handlers get the grace
// to end; then their contexts are cancelled with cause ErrStopping and what does
// not succeed is given back without spending an attempt. A handler that ignores
// even that for the time Quit is abandoned, and a result that the database does
// not take by then is dropped: Run returns *StuckError, and those tasks stay
// claimed. So Run returns at most Grace + Quit after its context ended.
//
// # Failure behaviour
//
// An error of a statement never says that nothing was written. A claim is
// therefore sent again with the same token until it is answered, with a back-off
// of at most 2.5 s; meanwhile the dispatcher asks for nothing else. One that has
// no answer when the dispatcher stops is undone: its tasks are given back by the
// token, which matches only if they were won. The same is done with a task that
// is reported lost after an error, since it may have been won and killed between
// the two tries. A completion is written again until the database takes it or
// the dispatcher has stopped; tasks.ErrFenced ends that: somebody else has the
// task.
//
// A Claims or a Handler that panics is treated as if it had failed.
package dispatcher
