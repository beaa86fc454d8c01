package lgtask

import (
	"fmt"
	"time"
)

// maxSilence is how long a healthy process may not have beaten.
const maxSilence = lease

// health is the option --health. It says whether the processors of this configuration run on this host, for
// a container's health check. It asks the locks of their names, not MongoDB: a
// processor that waits for a database which is away is healthy, and restarting
// it would only end the tasks that run.
func (m *program) health(cfg Config) int {
	states, err := lookAtLocks(cfg)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	for _, s := range states {
		switch silent := time.Since(s.beat); {
		case !s.held:
			return m.fail(exitRun, fmt.Errorf("processor %s does not run on this host: start it, or name the configuration that it was started with", s.Name))
		case silent > maxSilence:
			return m.fail(exitRun, fmt.Errorf("processor %s, process %d, has given no sign of life for %v: stop and start it", s.Name, s.PID, silent.Round(time.Second)))
		}
	}
	fmt.Fprintf(m.stdout, "%d processors run on this host\n", len(states))
	return exitDone
}
