// Package timers knows when things are due. It holds the instants of waiting
// tasks in a wheel and calls back when they arrive, reads the texts in which
// people write delays, intervals and cron specs, and computes the next run of
// a recurring task. It knows nothing of databases or of tasks: keys are any
// comparable type, and what lies beyond its memory is asked for by a callback.
//
// # Parts
//
//   - [Wheel] is the pure structure: no goroutine, no lock, no clock.
//   - [Timer] is a Wheel with the one goroutine that sleeps until the next
//     instant, calls Fire, and loads the next window.
//   - [ParseWhen], [ParseInstant] and [ParseEvery] read texts such as
//     "2 hours 5 minutes"; [ParseCron] reads cron specs; [NextInterval] and
//     [Cron.Next] give the next run.
//
// # Early and late
//
// A Timer never fires an entry while its Options.Now is before the entry's due
// time, whatever the local clock does. Options.Now is the caller's estimate of
// the time by which due times were written (the server's); whoever wants to
// act a little before the due time puts that lead into Now or into the due
// time. Due times are rounded up to whole milliseconds by the functions here
// ([CeilMilli]), because that is what the database stores: rounding down could
// start a task early.
//
// An entry fires late by the wake-up delay of the Go runtime (usually well
// under a millisecond), plus the time spent in the Fire call before it. When
// the estimate of the time steps, call [Timer.Kick]: the wheel is looked at
// again at once. Without a Kick it is looked at again at least every 30
// seconds, so a step costs at most that much. A step back never fires
// anything twice: an entry leaves the wheel when it fires. The same 30 seconds
// bound the lateness after the machine was suspended, where the sleep of a
// process may not count the time of the suspension.
//
// An entry fires once. If the attempt to act on it finds that it was too
// early, or may have been missed, the caller sets it again.
//
// # Memory
//
// A wheel holds about Limit entries, the earliest ones, however many exist. It
// knows its horizon: everything due before the horizon is in memory, everything
// due at or after it is only in the database. A Set beyond the horizon is
// dropped, since the window that will contain it is loaded before its time. So
// a million waiting documents cost the same as ten thousand: at the default
// limit of 10,000 a wheel of 16-byte keys takes roughly 2 MB. Entries of the
// same instant are never divided by the horizon; if one instant alone has more
// than fits, it stays outside and the Timer reports its arrival through
// Options.Overflow, upon which the caller looks into the database itself.
//
// # Time zones
//
// Cron specs may name a zone. The zones come from the host, from $ZONEINFO, or
// from the program: a program for an image without /usr/share/zoneinfo must
// import time/tzdata, else every zone but UTC is refused as unknown. A change
// of the rules of a zone takes effect when the program is started again with
// the new data; instants that were already computed stay as they are.
//
// # Goroutines
//
// [Timer.Run] starts at most one goroutine besides its own, for Load, and
// returns after it has ended. Everything else in the package is a pure
// function of its arguments (and of the zone database).
package timers
