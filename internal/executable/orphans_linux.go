package executable

import "golang.org/x/sys/unix"

// ReapOrphans reaps children that have ended and that this process did not start:
// as process 1 of a container it inherits those of processes that were killed.
// started is a child that package os started and that somebody still waits for;
// by it we see whether such children can be told from others, and if not nothing
// is done. Errors are those of /proc.
func ReapOrphans(started int) error {
	pids, err := numbers("/proc")
	if err != nil {
		return err
	}
	adopted.mu.Lock()
	defer adopted.mu.Unlock()
	var ended []int
	for _, pid := range pids {
		if child, dead := childState(pid); child && dead && !adopted.running[pid] {
			ended = append(ended, pid)
		}
	}
	if len(ended) == 0 {
		return nil
	}
	owned, err := processDescriptors()
	if err != nil || !owned[started] {
		return err
	}
	for _, pid := range ended {
		if !owned[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // it has ended; if it is gone, it was not ours
		}
	}
	return nil
}
