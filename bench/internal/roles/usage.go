package roles

import "time"

// Usage is what a process used so far, as the system counts it.
type Usage struct {
	CPU      time.Duration // of all its threads, in user mode and in the system
	Resident int64         // bytes in memory; 0 where the system does not tell
}
