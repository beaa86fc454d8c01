package timers

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// exampleCron is what messages about specs show as right.
const exampleCron = `; write, for example, "30 2 * * mon-fri" or "@daily"`

func isSpace(r rune) bool { return unicode.IsSpace(r) }

// loadZone finds a time zone by name; a reason that is not empty says why not.
// "Local" is refused, since its meaning differs from machine to machine.
func loadZone(name string) (loc *time.Location, reason string) {
	if name != "" && name != "Local" {
		if loc, err := time.LoadLocation(name); err == nil {
			return loc, ""
		}
	}
	return nil, fmt.Sprintf("unknown time zone %s; write a name of the tz database, "+
		`for example "CRON_TZ=Europe/Berlin 30 2 * * *" (an image without the tz database knows UTC only)`, quote(name))
}

// splitFields returns the five fields of a spec without zone in lower case; a
// reason that is not empty says what is wrong.
func splitFields(text string) (fields []string, reason string) {
	if len(text) > maxText {
		return nil, fmt.Sprintf("longer than %d bytes", maxText) + exampleCron
	}
	text = strings.ToLower(text)
	if strings.HasPrefix(text, "@") {
		five, ok := descriptors[text]
		if !ok {
			return nil, unknownDescriptor(text)
		}
		text = five
	}
	fields = strings.Fields(text)
	switch len(fields) {
	case 5:
	case 6:
		return nil, "6 fields; seconds are not supported, leave the first field out" + exampleCron
	default:
		return nil, fmt.Sprintf("5 fields are needed, there are %d", len(fields)) + exampleCron
	}
	if strings.Contains(text, "tz=") {
		return nil, "the zone is named once, at the very beginning" + exampleCron
	}
	return fields, ""
}

func unknownDescriptor(text string) string {
	switch strings.Fields(text)[0] {
	case "@every":
		return "@every is not a time of day; create an interval task instead"
	case "@reboot":
		return "@reboot has no meaning here, tasks outlive the machines" + exampleCron
	}
	return fmt.Sprintf("unknown word %s (known: @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually)", quote(text))
}

// explain gives the reason of the parser, with a hint where crontab differs.
func explain(err error, dayOfWeek string) string {
	reason := err.Error()
	if strings.Contains(dayOfWeek, "7") {
		reason += "; Sunday is 0 or sun"
	}
	return reason + exampleCron
}

// startsWithStar reports whether a field makes a wildcard entry.
func startsWithStar(field string) bool { return field[0] == '*' || field[0] == '?' }

// everMatches reports whether there is any date that matches. The reference is
// a leap year, and nextWall looks ahead further than leap years are apart.
func (c *Cron) everMatches() bool {
	const bits = 1<<60 - 1 // without the parser's mark for a star
	for _, field := range []uint64{c.sched.Minute, c.sched.Hour, c.sched.Month} {
		if field&bits == 0 {
			return false
		}
	}
	if (c.sched.Dom|c.sched.Dow)&bits == 0 {
		return false
	}
	_, ok := c.nextWall(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	return ok
}
