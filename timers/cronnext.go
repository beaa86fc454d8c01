package timers

import "time"

// dayAndMore is longer than any offset from UTC, and than any jump of a zone.
const dayAndMore = 48 * time.Hour

// Next returns the first instant after the given one at which the entry runs,
// in the zone of the schedule. It returns the zero time if there is none before
// the year 10000, the last the database can hold.
func (c *Cron) Next(after time.Time) time.Time {
	after = after.Round(0).In(c.zone)
	next, ok := time.Time{}, false
	switch year := after.Year(); {
	case year > 9999:
	case year < 1:
		next, ok = c.Next(time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)), true
	case c.fixed:
		next, ok = c.nextFixed(after)
	default:
		next, ok = c.nextWildcard(after)
	}
	if !ok || next.Year() > 9999 {
		return time.Time{}
	}
	return next
}

// nextFixed looks for the next matching local time beyond the latest that the
// clock has shown so far: what it shows a second time is thereby left out.
func (c *Cron) nextFixed(after time.Time) (time.Time, bool) {
	for shown := latestShown(after); ; {
		w, ok := c.nextWall(shown)
		if !ok {
			return time.Time{}, false
		}
		// In a gap several local times are reached in one instant, of which
		// all but the first are not after it.
		if t := firstReached(w, c.zone); t.After(after) {
			return t, true
		}
		shown = w
	}
}

// nextWildcard looks for the next matching local time in each span of constant
// offset in turn.
func (c *Cron) nextWildcard(after time.Time) (time.Time, bool) {
	for from := wall(after); ; {
		w, ok := c.nextWall(from)
		if !ok {
			return time.Time{}, false
		}
		t := w.Add(-offset(after)).In(c.zone)
		end := spanEnd(after)
		if end.IsZero() || t.Before(end) {
			return t, true
		}
		after, from = end, wall(end).Add(-1)
	}
}

// nextWall returns the first matching local time after w, both written as if
// they were UTC, where every day has 24 hours. The library looks five years
// ahead, but leap days can be eight years apart, so it is asked twice.
func (c *Cron) nextWall(w time.Time) (time.Time, bool) {
	next := c.sched.Next(w)
	if next.IsZero() {
		next = c.sched.Next(time.Date(w.Year()+5, 1, 1, 0, 0, 0, -1, time.UTC))
	}
	return next, !next.IsZero()
}

// offset returns what the zone of t adds to UTC at t.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// wall returns the local time of t written as if it were UTC.
func wall(t time.Time) time.Time { return t.Add(offset(t)).UTC() }

// latestShown returns the latest local time that the clock has shown up to t.
// That is the local time of t, unless the clock was put back a short while ago.
func latestShown(t time.Time) time.Time {
	latest := wall(t)
	for s := t; ; {
		start, _ := s.ZoneBounds()
		if start.IsZero() || t.Sub(start) > dayAndMore {
			return latest
		}
		s = start.Add(-1).In(t.Location())
		if w := wall(s); w.After(latest) {
			latest = w
		}
	}
}

// firstReached returns the first instant at which the clock shows w or, if it
// jumps over w, the end of that jump.
func firstReached(w time.Time, zone *time.Location) time.Time {
	for t := w.Add(-dayAndMore).In(zone); ; {
		if !wall(t).Before(w) {
			return t
		}
		end := spanEnd(t)
		reached := w.Add(-offset(t)).In(zone)
		if end.IsZero() || reached.Before(end) {
			return reached
		}
		t = end
	}
}

// spanEnd returns an instant after t up to which the offset of t's zone stays
// the same, or the zero time if it always does. The library's bounds may also
// be the ends of years, and for the last day of a leap year its end is a day
// too early, at or before t.
func spanEnd(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		end = time.Date(t.UTC().Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return end.In(t.Location())
}
