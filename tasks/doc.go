// Package tasks is the database side of lgtask: the documents, the states they
// move through, and every statement that moves them. It is the only package
// that knows a field name.
//
// # Lifecycle
//
//	                 ┌────────── retry, release, rescue ──────────┐
//	                 ▼                                            │
//	insert ──► request ──────────── claim ──────────────────► working ──► success
//	              │ │                                             │  │ ├──► error
//	              │ └─ singleton running, unscheduled ► aborted ◄─┼──┘ │
//	              └─── malformed, killed before start ► error     └► kill ──► success, error
//
// [State.Allows] is the whole table. success, error and aborted are final.
//
// # Who may move what
//
// Anyone may insert a task in state request, in any language: taskClass and
// state are enough. Such a document is foreign until a processor has completed
// it with [Store.Adopt]; before that nothing claims it. A claim is one
// conditional update that puts a fresh token into the document. From then on
// only a statement that carries that token changes the task, so the writes of a
// holder that lost its claim match nothing. A claim that is sent twice is won
// once: the filter also accepts the document that already carries the token.
//
// # Names
//
// The key of a task is "taskClass/taskName". Two unique partial indexes carry
// the promises about names, never a read before a write:
//
//   - pendingKey: on batch, interval and cron tasks from their insert to their
//     first claim. At most one run of a name waits.
//   - runningKey: on those, and on tasks of singleton classes, from the first
//     claim to the final state, through every retry. At most one run of a name
//     is going.
//
// Plain and delayed tasks carry no pendingKey.
//
// # Clocks
//
// The server's clock decides. Claims compare tsRequest with the server's own
// $$NOW; stamps are written by the server. [Store.Clock] estimates that clock
// for deciding when to ask, never for deciding who wins.
//
// # Failure behaviour
//
// Every write waits for the majority: with less, a claim or an acknowledged
// insert could be rolled back at a failover, and an insert would reach a change
// stream only with the next journal flush (60 ms instead of 2.6 ms, measured on
// MongoDB 6.0.5). A write whose outcome is unknown may be sent again: each is
// idempotent by _id or by token. Reads go to the primary.
package tasks
