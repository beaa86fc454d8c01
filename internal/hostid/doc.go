// Package hostid tells processes apart, also those that are gone.
//
// A process id alone says little: the system gives it to another process later,
// and in a container it counts from 1 again. Together with the host's name, the
// boot it runs since, the process-id namespace and the process's start time it
// names one process for good, so [Process.Gone] can prove a death without
// waiting for a lease.
//
// The proof is one-sided: Gone reports true only for a process that certainly
// does not run any more. It reports false for one of another host, another boot or
// another container, and on systems without this knowledge.
package hostid

import (
	"fmt"
	"os"
)

// Process is the identity of a process.
type Process struct {
	Host  string `bson:"host" json:"host"`   // name of the host
	Boot  string `bson:"boot" json:"boot"`   // of its present run; "" if the system does not tell
	Space string `bson:"space" json:"space"` // in which PID counts; "" if there is only one
	PID   int    `bson:"pid" json:"pid"`
	Start string `bson:"start" json:"start"` // when it started, in the system's own unit; "" if unknown
}

// Self returns the identity of this process. It returns an error if the host
// does not know its name.
func Self() (Process, error) {
	host, err := os.Hostname()
	if err != nil {
		return Process{}, fmt.Errorf("the host does not know its name: %w", err)
	}
	pid := os.Getpid()
	start, _ := startOf(pid)
	return Process{Host: host, Boot: boot(), Space: space(), PID: pid, Start: start}, nil
}

// Gone reports whether the process p certainly does not run any more, as the
// process self can tell.
func (p Process) Gone(self Process) bool {
	if p.PID <= 0 || p.Start == "" || p.Boot == "" || p.Host != self.Host || p.Space != self.Space {
		return false
	}
	// Another boot is no proof: this host may have been started again, but hosts that
	// are copies of one machine also have one name, and the space of every system that
	// is in no container is the same.
	return p.Boot == self.Boot && !p.runs()
}

// Runs reports whether the process of that id on this host, and in this
// container, is the one that started then.
func Runs(pid int, start string) bool {
	return pid > 0 && start != "" && Process{PID: pid, Start: start}.runs()
}

func (p Process) runs() bool {
	start, known := startOf(p.PID)
	return !known || start == p.Start
}
