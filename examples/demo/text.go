package main

import (
	"fmt"
	"strconv"
	"time"
)

// grouped writes a number with commas: 11,478.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	end := 0
	if n < 0 {
		end = 1
	}
	for i := len(s) - 3; i > end; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a duration with as many digits as one reads: 3 ms, 1.2 s.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
