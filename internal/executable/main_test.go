//go:build linux

package executable_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/internal/executable"
	"github.com/lgtask/lgtask/taskdir"
)

// roleVariable makes the test binary something else than the tests.
const roleVariable = "TEST_ROLE"

// subreaper says that this process adopts orphans.
var subreaper bool

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
	case "worker":
		worker()
		return
	case "init":
		mustMain(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		mustMain(unix.Mount("proc", "/proc", "proc", 0, ""))
		fallthrough
	case "subreaper":
		subreaper = true
		mustMain(executable.BecomeSubreaper())
	default:
		mustMain(fmt.Errorf("unknown role %q", role))
	}
	goleak.VerifyTestMain(m)
}

func mustMain(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// worker runs the only task of the folder in its first argument, passing its
// output on, until it is killed.
func worker() {
	f, err := taskdir.Scan(os.Args[1])
	mustMain(err)
	_, err = executable.Run(context.Background(), executable.Spec{
		File: f.Executables[0],
		Line: func(_ bool, text string) { fmt.Println(text) },
	})
	mustMain(err)
}
