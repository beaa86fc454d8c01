//go:build faults && unix

package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/internal/mongod"
)

// roleEnv, if set, makes the test binary something else: one of roles.
const roleEnv = "LGTASK_CRASH_ROLE"

// roles are the main functions of what tests start.
var roles = map[string]func() (code int){"worker": worker, "spinner": spinner}

// server is shared by all tests of the binary.
var server = sync.OnceValues(func() (*mongod.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return mongod.Start(ctx, mongod.Options{})
})

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(roles[role]())
	}
	code := m.Run()
	if s, err := server(); err == nil {
		s.Stop()
	}
	if code == 0 {
		if err := errors.Join(goleak.Find(), childLeft()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// childLeft returns an error if this process has a child that nobody waited for.
func childLeft() error {
	pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	if errors.Is(err, syscall.ECHILD) {
		return nil
	}
	return fmt.Errorf("a child is left: wait4 says %d, %v", pid, err)
}
