package timers

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// changes are instants near which a zone's offset changes.
var changes = []struct{ zone, at string }{
	{"Europe/Berlin", "2026-03-29T01:00:00Z"},
	{"Europe/Berlin", "2026-10-25T01:00:00Z"},
	{"America/New_York", "2026-03-08T07:00:00Z"},
	{"America/New_York", "2026-11-01T06:00:00Z"},
	{"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	{"America/Sao_Paulo", "2018-02-18T02:00:00Z"},
	{"Asia/Beirut", "2026-03-28T22:00:00Z"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z"},
	{"Africa/Casablanca", "2026-02-15T02:00:00Z"},
	{"Asia/Kathmandu", "1985-12-31T18:30:00Z"},
	{"UTC", "2026-12-31T23:00:00Z"},
}

// simpleField is one field of a random spec, and which values match it.
type simpleField struct {
	text    string
	matches func(n int) bool
}

// randomField makes a field for values from 0 to most out of two bytes.
func randomField(shape, value byte, most int) simpleField {
	v := int(value) % (most + 1)
	step := 2 + int(value)%20
	low, high := v/2, v
	switch shape % 6 {
	case 0:
		return simpleField{"*", func(int) bool { return true }}
	case 1:
		return simpleField{fmt.Sprintf("*/%d", step), func(n int) bool { return n%step == 0 }}
	case 2:
		return simpleField{fmt.Sprintf("%d-%d", low, high), func(n int) bool { return low <= n && n <= high }}
	case 3:
		return simpleField{fmt.Sprintf("0-%d/%d", most, step), func(n int) bool { return n%step == 0 }}
	case 4:
		return simpleField{fmt.Sprintf("%d,%d", low, high), func(n int) bool { return n == low || n == high }}
	}
	return simpleField{fmt.Sprint(v), func(n int) bool { return n == v }}
}

// cronModel walks through real minutes, as a cron daemon does.
type cronModel struct {
	minute, hour, weekday simpleField
	zone                  *time.Location
}

func (m *cronModel) spec() string {
	return fmt.Sprintf("CRON_TZ=%s %s %s * * %s", m.zone, m.minute.text, m.hour.text, m.weekday.text)
}

// matches reports whether the spec names this local time, written as UTC.
func (m *cronModel) matches(w time.Time) bool {
	return m.minute.matches(w.Minute()) && m.hour.matches(w.Hour()) && m.weekday.matches(int(w.Weekday()))
}

// runs returns the runs from the given minute up to before end.
func (m *cronModel) runs(from, end time.Time) []time.Time {
	fixed := !strings.HasPrefix(m.minute.text, "*") && !strings.HasPrefix(m.hour.text, "*")
	var runs []time.Time
	shown := wall(from.In(m.zone)).Add(-time.Minute) // the latest local minute done
	for t := from; t.Before(end); t = t.Add(time.Minute) {
		w := wall(t.In(m.zone))
		run := !fixed && m.matches(w)
		for ; fixed && shown.Before(w); shown = shown.Add(time.Minute) {
			run = run || m.matches(shown.Add(time.Minute))
		}
		if run {
			runs = append(runs, t)
		}
	}
	return runs
}

// FuzzCronNext compares random specs with a walk through the minutes of two
// days before and after a change of the clock.
func FuzzCronNext(f *testing.F) {
	for i := range byte(len(changes)) {
		f.Add(i, byte(5), byte(30), byte(5), byte(2), byte(0), byte(0))
		f.Add(i, byte(5), byte(0), byte(0), byte(0), byte(0), byte(0))
		f.Add(i, byte(1), byte(13), byte(5), byte(2), byte(2), byte(6))
		f.Add(i, byte(4), byte(40), byte(2), byte(3), byte(4), byte(5))
	}
	f.Fuzz(func(t *testing.T, change, minuteShape, minute, hourShape, hour, dayShape, day byte) {
		c := changes[int(change)%len(changes)]
		m := &cronModel{
			minute:  randomField(minuteShape, minute, 59),
			hour:    randomField(hourShape, hour, 23),
			weekday: randomField(dayShape, day, 6),
			zone:    mustZone(t, c.zone),
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		from, end := at.Add(-2*24*time.Hour), at.Add(2*24*time.Hour)
		cron := mustCron(t, m.spec())
		after := from.Add(-1)
		for _, want := range m.runs(from, end) {
			got := cron.Next(after)
			if !got.Equal(want) {
				t.Fatalf("%s after %v: %v, want %v", m.spec(), after.In(m.zone), got, want.In(m.zone))
			}
			after = got
		}
		if got := cron.Next(after); got.Before(end) {
			t.Fatalf("%s after %v: %v, want nothing before %v", m.spec(), after.In(m.zone), got, end)
		}
	})
}

// FuzzParseCron checks that no text makes the reader or Next panic, that Next
// is after its argument, and that the canonical text means the same.
func FuzzParseCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "CRON_TZ=Europe/Berlin 30 2 * * *", "0 0 29 2 *", "@daily", "TZ=", "CRON_TZ=UTC TZ=UTC", ", , , , ,", "1-59/61 ? * jan mon"} {
		f.Add(s, int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, spec string, seconds int64) {
		c, err := ParseCron(spec)
		if err != nil {
			return
		}
		again, err := ParseCron(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q: canonical text %q: %v, %v", spec, c, again, err)
		}
		after := time.Unix(seconds, 0)
		next := c.Next(after)
		if next.IsZero() && after.Year() > 0 && after.Year() < 9980 {
			t.Fatalf("%q: nothing after %v", spec, after)
		}
		if !next.IsZero() && !next.After(after) {
			t.Fatalf("%q: %v is not after %v", spec, next, after)
		}
		if !next.Equal(again.Next(after)) {
			t.Fatalf("%q and %q differ", spec, c)
		}
	})
}
