package timers

import "time"

// NextInterval returns when a recurring task is due after a run that was due
// at due, started at start and ended at end. It is never before end, so runs
// never overlap, and is in whole milliseconds, rounded up. The interval every
// must have passed [CheckEvery].
//
// From end to start, the usual case, that is end + every.
//
// With fromStart the runs keep a pace of one each interval, counted from due
// time to due time, so that small delays of the start do not add up:
//
//   - due + every, if the run ended before it.
//   - If the run itself started at or after due + every (everything was
//     stopped, say), it stands for all the runs missed until then, and the pace
//     is counted from its actual start: start + every, if the run ended before
//     that.
//   - Otherwise at least one instant passed while the run was going. All of
//     them together become one run at once, at end. Since that is the due time
//     from which the following one is counted, the pace goes on from there:
//     there is never a burst to make up for lost runs.
func NextInterval(every time.Duration, fromStart bool, due, start, end time.Time) time.Time {
	if !fromStart {
		return CeilMilli(end.Add(every))
	}
	next := due.Add(every)
	if !next.After(start) {
		next = start.Add(every)
	}
	if !next.After(end) {
		next = end
	}
	return CeilMilli(next)
}
