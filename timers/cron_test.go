package timers

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the zones do not depend on the host having any
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustCron(t testing.TB, spec string) *Cron {
	t.Helper()
	c, err := ParseCron(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCronText(t *testing.T) {
	for spec, want := range map[string]struct{ spec, zone, text string }{
		"* * * * *":                              {"* * * * *", "UTC", "* * * * *"},
		"  30\t2  *  * MON-Fri ":                 {"30 2 * * mon-fri", "UTC", "30 2 * * mon-fri"},
		"@hourly":                                {"0 * * * *", "UTC", "0 * * * *"},
		"@Daily":                                 {"0 0 * * *", "UTC", "0 0 * * *"},
		"@midnight":                              {"0 0 * * *", "UTC", "0 0 * * *"},
		"@weekly":                                {"0 0 * * 0", "UTC", "0 0 * * 0"},
		"@monthly":                               {"0 0 1 * *", "UTC", "0 0 1 * *"},
		"@yearly":                                {"0 0 1 1 *", "UTC", "0 0 1 1 *"},
		"@annually":                              {"0 0 1 1 *", "UTC", "0 0 1 1 *"},
		"CRON_TZ=UTC 0 0 * * *":                  {"0 0 * * *", "UTC", "0 0 * * *"},
		"TZ=Europe/Berlin  5 4 * * *":            {"5 4 * * *", "Europe/Berlin", "CRON_TZ=Europe/Berlin 5 4 * * *"},
		" CRON_TZ=America/New_York @weekly":      {"0 0 * * 0", "America/New_York", "CRON_TZ=America/New_York 0 0 * * 0"},
		"*/15 0-6/2,12 1,15 jan,JUL-sep ?":       {"*/15 0-6/2,12 1,15 jan,jul-sep ?", "UTC", "*/15 0-6/2,12 1,15 jan,jul-sep ?"},
		"CRON_TZ=Australia/Lord_Howe 1 1 1 1 1 ": {"1 1 1 1 1", "Australia/Lord_Howe", "CRON_TZ=Australia/Lord_Howe 1 1 1 1 1"},
	} {
		c, err := ParseCron(spec)
		if err != nil {
			t.Errorf("ParseCron(%q): %v", spec, err)
			continue
		}
		if c.Spec() != want.spec || c.Zone() != want.zone || c.String() != want.text {
			t.Errorf("ParseCron(%q) = %q, %q, %q; want %q", spec, c.Spec(), c.Zone(), c.String(), want)
		}
		for _, stored := range []string{c.Spec(), c.String()} {
			if again, err := ParseCronIn(stored, c.Zone()); err != nil || again.String() != c.String() {
				t.Errorf("ParseCronIn(%q, %q) = %v, %v; want %v", stored, c.Zone(), again, err, c)
			}
		}
	}
}

func TestParseCronIn(t *testing.T) {
	if c, err := ParseCronIn("0 0 * * *", ""); err != nil || c.Zone() != "UTC" {
		t.Errorf("without a zone: %v, %v; want UTC", c, err)
	}
	for spec, tz := range map[string]string{
		"CRON_TZ=Europe/Berlin 0 0 * * *": "Europe/Paris",
		"0 0 * * *":                       "Nowhere/Land",
		"0 0 * *":                         "UTC",
		"CRON_TZ=X 0 0 * * *":             "X",
	} {
		var syntax *SyntaxError
		if c, err := ParseCronIn(spec, tz); c != nil || !errors.As(err, &syntax) || syntax.Text != spec {
			t.Errorf("ParseCronIn(%q, %q) = %v, %v", spec, tz, c, err)
		}
	}
}

func TestParseCronRefuses(t *testing.T) {
	for spec, part := range map[string]string{
		"":                                      "5 fields",
		"* * * *":                               "there are 4",
		"0 * * * * *":                           "seconds are not supported",
		"* * * * * * *":                         "there are 7",
		"60 * * * *":                            "above maximum",
		"* 24 * * *":                            "above maximum",
		"* * 0 * *":                             "below minimum",
		"* * 32 * *":                            "above maximum",
		"* * * 13 *":                            "above maximum",
		"* * * * 7":                             "Sunday is 0",
		"5-1 * * * *":                           "beyond end",
		"*/0 * * * *":                           "positive",
		"-1 * * * *":                            "failed to parse",
		"* * * foo *":                           "failed to parse",
		", * * * *":                             "no date ever matches",
		"* , * * *":                             "no date ever matches",
		"* * , * ,":                             "no date ever matches",
		"0 0 31 2 *":                            "no date ever matches",
		"0 0 30 feb *":                          "no date ever matches",
		"0 0 31 4,6,9,11 *":                     "no date ever matches",
		"@every 5m":                             "interval task",
		"@every":                                "interval task",
		"@reboot":                               "no meaning",
		"@fortnightly":                          "@hourly",
		"@":                                     "unknown word",
		"CRON_TZ=Nowhere/Land 0 0 * * *":        "unknown time zone",
		"CRON_TZ=Local 0 0 * * *":               "unknown time zone",
		"CRON_TZ= 0 0 * * *":                    "unknown time zone",
		"CRON_TZ=../../etc/passwd 0 0 * * *":    "unknown time zone",
		"CRON_TZ=Europe/Berlin":                 "there are 0",
		"TZ=UTC TZ=UTC * * * *":                 "named once",
		"cron_tz=UTC * * * *":                   "named once",
		strings.Repeat("1,", 300) + "1 * * * *": "longer than",
	} {
		c, err := ParseCron(spec)
		var syntax *SyntaxError
		if c != nil || !errors.As(err, &syntax) || syntax.Text != spec || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseCron(%q) = %v, %v; want an error with %q", spec, c, err, part)
		}
	}
}
