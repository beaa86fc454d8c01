//go:build faults && unix

package database

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// enter, if set, runs the tests in surroundings that it makes, and returns how they
// ended; see namespace_test.go.
var enter func(m *testing.M) (code int)

func TestMain(m *testing.M) {
	run := func(m *testing.M) int { return m.Run() }
	if enter != nil {
		run = enter
	}
	code := run(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
