package integration

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	if settings, ok := os.LookupEnv(envChild); ok {
		os.Exit(childMain(settings, os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	taskstest.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
