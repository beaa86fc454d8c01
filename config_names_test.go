package lgtask

import (
	"slices"
	"strings"
	"testing"
)

func TestProcessorNames(t *testing.T) {
	tests := []struct {
		count int
		want  []string
	}{{1, []string{"host"}}, {3, []string{"host-1", "host-2", "host-3"}}, {0, nil}, {-1, nil}}
	for _, tt := range tests {
		if got := ProcessorNames("host", tt.count); !slices.Equal(got, tt.want) {
			t.Errorf("ProcessorNames(%d) = %q", tt.count, got)
		}
	}
}

func TestCheckProcessorName(t *testing.T) {
	for _, name := range []string{"host", "host.example.net-1", "a", "größe", strings.Repeat("x", 128), "a_b-c:d"} {
		if p := checkProcessorName(name); p != nil {
			t.Errorf("%q: %v", name, *p)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a b", "a\x00", "a\n", "\u2028", "\u202e", "a\xff", strings.Repeat("x", 129)} {
		if checkProcessorName(name) == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}
