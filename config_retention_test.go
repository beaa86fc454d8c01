package lgtask

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseRetention(t *testing.T) {
	tests := []struct {
		text string
		want Retention
	}{
		{"3d", Retention{3 * oneDay, 3 * oneDay, 3 * oneDay}},
		{"forever", Retention{KeepForever, KeepForever, KeepForever}},
		{"success=1d,error=7d,aborted=7d", Retention{oneDay, 7 * oneDay, 7 * oneDay}},
		{" error = 2 weeks , success=36h", Retention{Success: 36 * time.Hour, Error: 14 * oneDay}},
		{"aborted=forever", Retention{Aborted: KeepForever}},
	}
	for _, tt := range tests {
		got, err := ParseRetention(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseRetention(%q) = %#v, %v", tt.text, got, err)
		}
		again, err := ParseRetention(got.String())
		if err != nil || again != got.withDefaults() {
			t.Errorf("%q read back is %v, %v", got.String(), again, err)
		}
	}
	for _, text := range []string{"", "x", "3", "0d", "-1d", "101y", "200000d", "success=", "success", "success=1d,success=2d",
		"fail=1d", "success=1d,", "=1d", "1e300d", "NaNd", "1d 2", "500ms", strings.Repeat("9", 70) + "d"} {
		got, err := ParseRetention(text)
		var ce *ConfigError
		if !errors.As(err, &ce) || ce.Key != "retention" || ce.Remedy == "" || got != (Retention{}) {
			t.Errorf("ParseRetention(%q) = %v, %v", text, got, err)
		}
	}
}

func TestParseConfigDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"8s": 8 * time.Second, "250ms": 250 * time.Millisecond, "1d12h": 36 * time.Hour, "1.5 hours": 90 * time.Minute,
		"2 weeks 1 day": 15 * oneDay, "0s": 0, "0.1s": 100 * time.Millisecond,
	} {
		if got, ok := parseConfigDuration(text); !ok || got != want {
			t.Errorf("parseConfigDuration(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "s", "8", "8 ", "8x", "1..2s", "-1s", "+1s", "1S", "9999999999999w", "∞d"} {
		if got, ok := parseConfigDuration(text); ok {
			t.Errorf("parseConfigDuration(%q) = %v", text, got)
		}
	}
}
