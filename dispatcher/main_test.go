package dispatcher

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
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
