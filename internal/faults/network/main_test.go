//go:build faults && linux

package network

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// lab is the network of all tests; each adds hosts of its own.
var lab *netlab.Network

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if settings := os.Getenv(envWorker); settings != "" {
		return workerMain(settings, os.Stdin, os.Stdout, os.Stderr)
	}
	if err := netlab.Missing(); err != nil {
		fmt.Fprintln(os.Stderr, "these tests cannot run:", err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	// Out here, since it may have to be fetched.
	if _, err := mongod.Find(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code, outside, err := netlab.Enter()
	if err == nil && !outside {
		lab, err = netlab.New(ctx)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case outside:
		return code
	}
	return m.Run()
}
