package main

import (
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for want, c := range map[string]struct {
		p       progress
		elapsed time.Duration
	}{
		"0 of 2,000 files, 0 %":                                     {progress{Files: 2000}, time.Second},
		"500 of 2,000 files, 25 %":                                  {progress{Files: 2000, Done: 500}, 0},
		"90 of 2,000 files, 4 %, 45 files/s":                        {progress{Files: 2000, Done: 90}, 2 * time.Second},
		"500 of 2,000 files, 25 %, 250 files/s, 6s left":            {progress{Files: 2000, Done: 500, Summed: 9}, 2 * time.Second},
		"2,000 of 2,000 files, 100 %, summing up the last packages": {progress{Files: 2000, Done: 2000, Summed: 1999}, time.Second},
		"2,000 of 2,000 files, 100 % and all packages":              {progress{Files: 2000, Done: 2000, Summed: 2000}, time.Second},
		"7 of 9 files, 77 %, 2 tasks failed":                        {progress{Files: 9, Done: 7, Failed: 2}, time.Second},
		"0 of 0 files, 100 % and all packages":                      {progress{}, time.Second},
	} {
		if got := progressLine(c.p, c.elapsed); got != want {
			t.Errorf("%+v after %v: %q, want %q", c.p, c.elapsed, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	for p, want := range map[progress]bool{
		{Files: 2}:                     false,
		{Files: 2, Done: 2, Summed: 1}: false,
		{Files: 2, Done: 2, Summed: 2}: true,
		{Files: 2, Done: 1, Failed: 1}: true,
		{Files: 2, Done: 0, Summed: 0}: false,
	} {
		if p.complete() != want {
			t.Errorf("%+v: %t", p, !want)
		}
	}
}
