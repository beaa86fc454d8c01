package timers

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cron is a schedule by the clock of a time zone. Build it with [ParseCron]. It
// does not change and is safe for concurrent use.
//
// # Daylight saving
//
// The rule is that of Vixie's cron. An entry is a wildcard entry if its minute
// or its hour field begins with "*" (or "?"), else a fixed-time entry.
//
//   - A fixed-time entry runs once for each time it names. If the clock is put
//     forward over such times, it runs once right after the gap. If the clock
//     is put back, times that were reached before are not run again.
//   - A wildcard entry follows the clock as it shows: at each real minute whose
//     local time matches. It runs in both passes of an hour that is repeated,
//     so "0 * * * *" runs every real hour, and a time that the clock does not
//     show is not made up for.
//
// The same holds for any other change of a zone's offset, whatever its size.
type Cron struct {
	spec  string             // five fields, lower case
	sched *cron.SpecSchedule // its Location is UTC: see nextWall
	zone  *time.Location
	fixed bool // a fixed-time entry
}

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// descriptors are the words that stand for five fields.
var descriptors = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

// ParseCron reads a cron spec: minute, hour, day of month, month and day of
// week (0 to 6 or names, 0 is Sunday), each "*", a number, a range "a-b", a
// step "*/n" or "a-b/n", or several of these with commas; or one of @hourly,
// @daily, @midnight, @weekly, @monthly, @yearly, @annually. If neither day field
// is "*", a day matches that matches one of them. The zone is UTC unless the
// text begins with "CRON_TZ=Zone " or "TZ=Zone ". Refused with a *[SyntaxError]
// are seconds, @every, @reboot, unknown zones, and what never matches, such as
// the 31st of February.
func ParseCron(spec string) (*Cron, error) {
	text := strings.TrimSpace(spec)
	zone := "UTC"
	for _, prefix := range []string{"CRON_TZ=", "TZ="} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			end := strings.IndexFunc(rest+" ", isSpace)
			zone, text = rest[:end], strings.TrimSpace(rest[end:])
			break
		}
	}
	return parseIn(spec, text, zone)
}

// ParseCronIn builds a Cron again from its [Cron.Spec] and [Cron.Zone]. An
// empty zone means UTC. A spec that names a zone itself must name the same.
// The error is a *[SyntaxError].
func ParseCronIn(spec, tz string) (*Cron, error) {
	if tz == "" {
		tz = "UTC"
	}
	if !strings.Contains(spec, "TZ=") {
		return parseIn(spec, strings.TrimSpace(spec), tz)
	}
	c, err := ParseCron(spec)
	if err == nil && c.Zone() != tz {
		err = &SyntaxError{Text: spec, Reason: fmt.Sprintf("names another zone than %s", quote(tz))}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// parseIn reads the fields in text; spec is what messages show.
func parseIn(spec, text, zone string) (*Cron, error) {
	loc, reason := loadZone(zone)
	if reason != "" {
		return nil, &SyntaxError{Text: spec, Reason: reason}
	}
	fields, reason := splitFields(text)
	if reason != "" {
		return nil, &SyntaxError{Text: spec, Reason: reason}
	}
	c := &Cron{spec: strings.Join(fields, " "), zone: loc}
	parsed, err := parser.Parse(c.spec)
	if err != nil {
		return nil, &SyntaxError{Text: spec, Reason: explain(err, fields[4])}
	}
	sched, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, &SyntaxError{Text: spec, Reason: "not a spec of five fields" + exampleCron}
	}
	sched.Location = time.UTC
	c.sched = sched
	c.fixed = !startsWithStar(fields[0]) && !startsWithStar(fields[1])
	if !c.everMatches() {
		return nil, &SyntaxError{Text: spec, Reason: "no date ever matches" + exampleCron}
	}
	return c, nil
}

// Spec returns the five fields, in lower case with single spaces, without the
// zone. Words such as "@daily" are replaced by what they stand for.
func (c *Cron) Spec() string { return c.spec }

// Zone returns the name of the time zone, "UTC" by default.
func (c *Cron) Zone() string { return c.zone.String() }

// String returns a canonical text which [ParseCron] reads: [Cron.Spec], after
// "CRON_TZ=Zone " if the zone is not UTC.
func (c *Cron) String() string {
	if c.Zone() == "UTC" {
		return c.spec
	}
	return "CRON_TZ=" + c.Zone() + " " + c.spec
}
