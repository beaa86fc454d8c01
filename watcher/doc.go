// Package watcher follows the change stream of the task collection and hands
// what happens there to one [Sink]. It decides when to open a stream and when to
// give one up; it claims nothing and runs nothing.
//
// # One path
//
// Start, network failure, failover, lost history, an event that is too large, a
// killed cursor, a collection that was dropped or renamed, a stream that hangs:
// all take the same path.
//
//	prepare ─► open ─► Sink.Reset ─► follow ──┐
//	   ▲                                      │ any error
//	   └──── wait (back-off, jittered) ◄──────┘
//
// A stream is opened at "now". No resume token is kept and no start time in the
// past is used, because the state is in the documents: whoever has opened a
// stream reads them, and what was missed meanwhile is found there.
//
// # Suspension
//
// Each open stream makes the server look at every entry of its oplog, whatever
// the stream lets through. Who has no use for it closes it with [Watcher.Suspend]
// and opens one again with [Watcher.Resume], from any goroutine. While suspended
// nothing is sent to the server: no Prepare, no opening, no read. Resume takes
// the same path as a start, so there is no gap: Reset runs after the opening and
// reads the collection by state. The owner of a suspended Watcher looks for
// itself what it needs to know meanwhile.
//
// Suspending is no failure: it gets no line above debug level, no wait, and does
// not change LastError. It does not get around a wait either: a Watcher that is
// resumed during an outage waits for the rest of it.
//
// # Guarantees
//
//   - Reset is called after each opening and before any event of that stream. A
//     change acknowledged before the opening is seen by the reads of Reset (if
//     they are majority reads not older than Reset's call), a later one arrives
//     as an event, and one around the opening as both: nothing is missed.
//   - Events of one stream arrive in the order of the server's oplog. After a
//     Reset some may arrive a second time or be about a state that has passed:
//     an event is a hint, and handling it twice must be harmless.
//   - Reset and Handle are called from Run's goroutine only, one at a time. A
//     suspension waits for them; it cuts short only a read of the stream.
//   - The collections and their indexes are created again before a stream is
//     opened, so that a dropped collection comes back with the indexes that
//     keep the promises about names. Those that were dropped while the stream
//     was being opened are created by [FromStore] after it.
//   - Nothing ends Run but its context, and a database that belongs to another
//     program or a newer version ([tasks.ForeignError]), which never heals.
//
// # Duties of the sink
//
// A sink must not run handlers and must not block long: while it works no event
// is read. It must give its own reads an end; Run waits for it, and is stopped
// only as fast as the sink heeds its context. An error that it returns is
// treated like one of the stream.
//
// # Failure behaviour
//
// The waits between two tries start at [Options].MinWait, double up to MaxWait and
// vary by a quarter, so that many processes do not come back at once. They start
// anew when a stream has lasted ten seconds. A server on which every opening
// succeeds and every first read fails is therefore asked about ten times in the
// first minute and four times in each later one.
//
// A read that has not returned within [Options].Stall is cancelled and the stream
// given up: a connection whose other end is silently gone would hang much
// longer. The context of the reads never carries a deadline, not even that of
// Run's context, since one that passes inside the driver's call ends the stream.
// The same goes for a server that keeps answering at once and with nothing, as
// happens when the driver resumes a cursor that is lost again each time.
//
// When a stream ends, its cursor on the server is closed, with two seconds of
// its own for that even if Run's context has ended.
//
// A stream that lasts less than ten seconds is part of the outage before it. The
// log gets one line at the first opening, one with the reason when an outage
// begins, and one when it is over. [Watcher.Stats] tells more, at any time.
package watcher
