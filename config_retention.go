package lgtask

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Retention is how long ended tasks, with their logs, are kept, by how they
// ended. Zero means the default, KeepForever that they are never removed.
// MongoDB removes what is due about once a minute.
type Retention struct {
	// Success is for tasks that succeeded. Default 1 day.
	Success time.Duration
	// Error is for tasks that failed. Default 7 days.
	Error time.Duration
	// Aborted is for tasks that never ran to an end. Default 7 days.
	Aborted time.Duration
}

// KeepForever in a Retention keeps the tasks for good.
const KeepForever time.Duration = -1

const (
	oneDay = 24 * time.Hour

	maxRetention = 100 * 365 * oneDay
)

// ParseRetention reads one duration for all, "3d", or some of
// "success=1d,error=7d,aborted=7d"; what is left out keeps its default. A
// duration is "forever" or numbers with units, "36h", "7d", "2 weeks", from 1
// second to 100 years. It returns a *ConfigError that names what is wrong.
func ParseRetention(text string) (Retention, error) {
	r, problem := parseRetention(text)
	if problem != nil {
		return Retention{}, configSettingByKey("retention").problem(configValue{text: text}, problem)
	}
	return r, nil
}

func parseRetention(text string) (Retention, *configProblem) {
	var r Retention
	if !strings.Contains(text, "=") {
		d, problem := parseKept(text)
		return Retention{d, d, d}, problem
	}
	fields := map[string]*time.Duration{"success": &r.Success, "error": &r.Error, "aborted": &r.Aborted}
	for part := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(part, "=")
		field := fields[strings.TrimSpace(name)]
		if field == nil || !found {
			return Retention{}, &configProblem{fmt.Sprintf("%q is not success=…, error=… or aborted=…", strings.TrimSpace(part)),
				"write for example success=1d,error=7d,aborted=7d"}
		}
		if *field != 0 {
			return Retention{}, &configProblem{strings.TrimSpace(name) + " is given twice", "keep one of them"}
		}
		d, problem := parseKept(value)
		if problem != nil {
			return Retention{}, problem
		}
		*field = d
	}
	return r, nil
}

func parseKept(text string) (time.Duration, *configProblem) {
	if strings.TrimSpace(text) == "forever" {
		return KeepForever, nil
	}
	d, ok := parseConfigDuration(text)
	if !ok || checkKept(d) != nil {
		return 0, &configProblem{fmt.Sprintf("%q is not a duration from 1 second to 100 years", strings.TrimSpace(text)),
			"write for example 36h, 7d, 2w or forever"}
	}
	return d, nil
}

func checkKept(d time.Duration) *configProblem {
	if d == KeepForever || (d >= time.Second && d <= maxRetention) {
		return nil
	}
	return &configProblem{fmt.Sprintf("%v is not a duration from 1 second to 100 years", d), "use such a duration or KeepForever"}
}

func (r Retention) withDefaults() Retention {
	if r.Success == 0 {
		r.Success = oneDay
	}
	if r.Error == 0 {
		r.Error = 7 * oneDay
	}
	if r.Aborted == 0 {
		r.Aborted = 7 * oneDay
	}
	return r
}

// String returns the form that ParseRetention reads.
func (r Retention) String() string {
	r = r.withDefaults()
	return "success=" + keptText(r.Success) + ",error=" + keptText(r.Error) + ",aborted=" + keptText(r.Aborted)
}

func keptText(d time.Duration) string {
	switch {
	case d == KeepForever:
		return "forever"
	case d%oneDay == 0:
		return strconv.FormatInt(int64(d/oneDay), 10) + "d"
	}
	return d.String()
}

// configUnits are the units of durations in settings.
var configUnits = map[string]time.Duration{
	"ms": time.Millisecond,
	"s":  time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": oneDay, "day": oneDay, "days": oneDay,
	"w": 7 * oneDay, "week": 7 * oneDay, "weeks": 7 * oneDay,
}

// parseConfigDuration reads numbers with units, "1d12h", "1.5 hours", "2 weeks
// 1 day". A number without a unit is refused, since nobody could tell which.
func parseConfigDuration(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 64 {
		return 0, false
	}
	total := 0.0
	for text != "" {
		rest := strings.TrimLeft(text, "0123456789.")
		number, err := strconv.ParseFloat(text[:len(text)-len(rest)], 64)
		if err != nil {
			return 0, false
		}
		rest = strings.TrimLeft(rest, " ")
		text = strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz")
		unit, ok := configUnits[rest[:len(rest)-len(text)]]
		if !ok {
			return 0, false
		}
		total += number * float64(unit)
		text = strings.TrimLeft(text, " ")
	}
	if total > float64(1<<62) {
		return 0, false
	}
	return time.Duration(total + 0.5), true
}
