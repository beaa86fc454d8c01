package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	packages := map[string]total{
		"small":                  {1, counts{5, 6, 7}},
		"large":                  {1200, counts{34567, 1234567, 123456789}},
		"b":                      {1, counts{10, 1, 1}},
		"a":                      {1, counts{10, 1, 1}},
		strings.Repeat("é/", 20): {2, counts{20, 30, 40}},
	}
	got := table(packages, 3)
	want := `
package                                    files     lines      words       bytes
large                                      1,200    34,567  1,234,567 123,456,789
` + strings.Repeat("é/", 20) + `       2        20         30          40
a                                              1        10          1           1
and 2 more                                     2        15          7           8
total                                      1,205    34,612  1,234,605 123,456,838
`
	if "\n"+got != want {
		t.Errorf("%s\nwant%s", got, want)
	}
	if got := table(packages, 5); strings.Contains(got, "more") || strings.Count(got, "\n") != 7 {
		t.Errorf("all of them:\n%s", got)
	}
	if got, want := row(strings.Repeat("ä/", 30), total{}), "…"+strings.Repeat("ä/", 20)+"      0 "; !strings.HasPrefix(got, want) {
		t.Errorf("a long name: %q, want %q", got, want)
	}
	if got := table(nil, 3); strings.Count(got, "\n") != 2 {
		t.Errorf("none:\n%s", got)
	}
}
