package main

import (
	"fmt"
	"time"
)

// guessFrom is the percentage from which on the time left is told. Before, the
// files are still being enqueued, which takes the server's time from the tasks.
const guessFrom = 5

// progressLine says how far the counting is, after the given time of work.
func progressLine(p progress, elapsed time.Duration) string {
	percent := int64(100)
	if p.Files > 0 {
		percent = p.Done * 100 / p.Files
	}
	line := fmt.Sprintf("%s of %s files, %d %%", grouped(p.Done), grouped(p.Files), percent)
	switch {
	case p.Failed > 0:
		return line + ", " + grouped(p.Failed) + " tasks failed"
	case p.Done >= p.Files && p.Summed < p.Files:
		return line + ", summing up the last packages"
	case p.Done >= p.Files:
		return line + " and all packages"
	case p.Done == 0 || elapsed <= 0:
		return line
	}
	rate := float64(p.Done) / elapsed.Seconds()
	line += ", " + grouped(int64(rate)) + " files/s"
	if percent < guessFrom {
		return line
	}
	left := time.Duration(float64(p.Files-p.Done) / rate * float64(time.Second))
	return line + ", " + left.Round(time.Second).String() + " left"
}
