package timers

import (
	"testing"
	"time"
)

// local is how the tables below write instants: local time and offset.
const local = "2006-01-02 15:04 -0700"

// TestCronNext lists consecutive runs. The first time is the one asked after.
func TestCronNext(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		times      []string
	}{
		{"UTC by default", "30 2 * * *",
			[]string{"2026-03-28 02:30 +0000", "2026-03-29 02:30 +0000", "2026-03-30 02:30 +0000"}},
		{"Berlin gap, fixed: right after it, once", "CRON_TZ=Europe/Berlin 30 2 * * *",
			[]string{"2026-03-28 02:30 +0100", "2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200"}},
		{"Berlin gap, fixed, the instant after the gap is named too", "CRON_TZ=Europe/Berlin 0 2,3 * * *",
			[]string{"2026-03-28 03:00 +0100", "2026-03-29 03:00 +0200", "2026-03-30 02:00 +0200"}},
		{"Berlin gap, fixed, several in the gap: once", "CRON_TZ=Europe/Berlin 0,20,40 1-3 29 3 *",
			[]string{"2026-03-29 01:20 +0100", "2026-03-29 01:40 +0100", "2026-03-29 03:00 +0200", "2026-03-29 03:20 +0200"}},
		{"Berlin gap, steps", "CRON_TZ=Europe/Berlin */15 * * * *",
			[]string{"2026-03-29 01:30 +0100", "2026-03-29 01:45 +0100", "2026-03-29 03:00 +0200", "2026-03-29 03:15 +0200"}},
		{"Berlin gap, wildcard minutes of the lost hour are not made up for", "CRON_TZ=Europe/Berlin */30 2 * * *",
			[]string{"2026-03-28 02:30 +0100", "2026-03-30 02:00 +0200"}},
		{"Berlin fold, fixed: the first only", "CRON_TZ=Europe/Berlin 30 2 * * *",
			[]string{"2026-10-24 02:30 +0200", "2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100"}},
		{"Berlin fold, asked within the second pass", "CRON_TZ=Europe/Berlin 30 2 * * *",
			[]string{"2026-10-25 02:10 +0100", "2026-10-26 02:30 +0100"}},
		{"Berlin fold, fixed at its end", "CRON_TZ=Europe/Berlin 0 3 * * *",
			[]string{"2026-10-25 02:10 +0200", "2026-10-25 03:00 +0100", "2026-10-26 03:00 +0100"}},
		{"Berlin fold, hourly: every real hour", "CRON_TZ=Europe/Berlin 0 * * * *",
			[]string{"2026-10-25 01:00 +0200", "2026-10-25 02:00 +0200", "2026-10-25 02:00 +0100", "2026-10-25 03:00 +0100"}},
		{"Berlin fold, steps", "CRON_TZ=Europe/Berlin */15 * * * *",
			[]string{"2026-10-25 02:30 +0200", "2026-10-25 02:45 +0200", "2026-10-25 02:00 +0100", "2026-10-25 02:15 +0100"}},
		{"New York gap", "CRON_TZ=America/New_York 30 2 * * *",
			[]string{"2026-03-07 02:30 -0500", "2026-03-08 03:00 -0400", "2026-03-09 02:30 -0400"}},
		{"New York fold", "CRON_TZ=America/New_York 30 1 * * *",
			[]string{"2026-10-31 01:30 -0400", "2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500"}},
		{"Lord Howe gap of half an hour", "CRON_TZ=Australia/Lord_Howe 15 2 * * *",
			[]string{"2026-10-03 02:15 +1030", "2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100"}},
		{"Lord Howe fold of half an hour", "CRON_TZ=Australia/Lord_Howe 45 1 * * *",
			[]string{"2026-04-04 01:45 +1100", "2026-04-05 01:45 +1100", "2026-04-06 01:45 +1030"}},
		{"Lord Howe gap, wildcard follows the clock", "CRON_TZ=Australia/Lord_Howe */30 * * * *",
			[]string{"2026-10-04 01:30 +1030", "2026-10-04 02:30 +1100", "2026-10-04 03:00 +1100"}},
		{"Lord Howe fold, wildcard follows the clock", "CRON_TZ=Australia/Lord_Howe */30 * * * *",
			[]string{"2026-04-05 01:30 +1100", "2026-04-05 01:30 +1030", "2026-04-05 02:00 +1030"}},
		{"Sao Paulo, no midnight", "CRON_TZ=America/Sao_Paulo @daily",
			[]string{"2018-11-03 00:00 -0300", "2018-11-04 01:00 -0200", "2018-11-05 00:00 -0200"}},
		{"Beirut, no midnight", "CRON_TZ=Asia/Beirut 0 0 * * sun",
			[]string{"2022-03-20 00:00 +0200", "2022-03-27 01:00 +0300", "2022-04-03 00:00 +0300"}},
		{"Apia, a whole day left out", "CRON_TZ=Pacific/Apia 30 2 * * *",
			[]string{"2011-12-29 02:30 -1000", "2011-12-31 00:00 +1400", "2011-12-31 02:30 +1400"}},
		{"year end", "59 23 31 12 *",
			[]string{"2026-12-31 23:58 +0000", "2026-12-31 23:59 +0000", "2027-12-31 23:59 +0000"}},
		{"new year", "@yearly", []string{"2026-12-31 23:59 +0000", "2027-01-01 00:00 +0000"}},
		{"leap day", "0 0 29 2 *",
			[]string{"2026-01-01 00:00 +0000", "2028-02-29 00:00 +0000", "2032-02-29 00:00 +0000"}},
		{"leap day over a century", "0 0 29 2 *",
			[]string{"2096-02-29 00:00 +0000", "2104-02-29 00:00 +0000", "2108-02-29 00:00 +0000"}},
		{"leap day in a zone, wildcard", "CRON_TZ=Europe/Berlin */30 23 29 2 *",
			[]string{"2096-02-29 23:30 +0100", "2104-02-29 23:00 +0100"}},
		{"ranges, steps and names", "0-30/10 8-10/2 * feb-mar mon,WED",
			[]string{"2026-02-02 08:20 +0000", "2026-02-02 08:30 +0000", "2026-02-02 10:00 +0000"}},
		{"either day field", "0 0 13 * fri",
			[]string{"2026-02-01 00:00 +0000", "2026-02-06 00:00 +0000", "2026-02-13 00:00 +0000", "2026-02-20 00:00 +0000"}},
		{"31st of the months that have one", "0 0 31 * *",
			[]string{"2026-03-31 00:00 +0000", "2026-05-31 00:00 +0000", "2026-07-31 00:00 +0000"}},
	} {
		cron := mustCron(t, c.spec)
		after, err := time.Parse(local, c.times[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.times[1:] {
			after = cron.Next(after)
			if got := after.Format(local); got != want {
				t.Errorf("%s (%s): %s, want %s", c.name, c.spec, got, want)
				break
			}
		}
	}
}

func TestCronNextWithinAMinute(t *testing.T) {
	c := mustCron(t, "0 12 * * *")
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	if got := c.Next(noon.Add(-1)); !got.Equal(noon) {
		t.Errorf("just before: %v, want %v", got, noon)
	}
	if got := c.Next(noon); !got.Equal(noon.AddDate(0, 0, 1)) {
		t.Errorf("at the instant: %v, want a day later", got)
	}
	if got := c.Next(noon.Add(1)); !got.Equal(noon.AddDate(0, 0, 1)) {
		t.Errorf("just after: %v, want a day later", got)
	}
}

func TestCronNextAtTheEndsOfTime(t *testing.T) {
	c := mustCron(t, "CRON_TZ=Europe/Berlin @yearly")
	for _, after := range []time.Time{
		time.Date(9999, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<60, 0),
	} {
		if got := c.Next(after); !got.IsZero() {
			t.Errorf("Next(%v) = %v, want none", after, got)
		}
	}
	for _, after := range []time.Time{{}, time.Date(-500, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1<<60, 0)} {
		if got := c.Next(after); got.Year() != 2 || !got.After(after) {
			t.Errorf("Next(%v) = %v, want the year 2", after, got)
		}
	}
}

func BenchmarkCronNext(b *testing.B) {
	c := mustCron(b, "CRON_TZ=Europe/Berlin 30 2 * * mon-fri")
	after := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		c.Next(after)
	}
}
