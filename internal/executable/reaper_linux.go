package executable

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// runVariable marks the processes of a run.
const runVariable = "LGTASK_RUN="

// endLimit bounds the killing of what a run left. Only a process in an
// uninterruptible wait, or one that forks faster than we kill, needs so long.
const endLimit = 5 * time.Second

// BecomeSubreaper makes this process the parent of processes whose own parent
// has ended, so that those a run leaves behind can be found, killed and reaped
// at its end. It is for the main function of a program, before the first run: a
// library must not change its process so. As process 1 of a container it is
// needed too.
//
// From then on the end of each run also reaps every other child that has ended,
// except those that package os started and somebody may still wait for. A
// program that forks by other means (syscall.ForkExec, C) must not call it.
func BecomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphaned processes: %w", err)
	}
	adopted.on.Store(true)
	return nil
}

// adopted ends and reaps children that we did not start.
var adopted = reaper{running: map[int]bool{}}

type reaper struct {
	on      atomic.Bool
	mu      sync.Mutex
	running map[int]bool // programs of runs, which we did start
}

// add says that pid is the program of a run. It may come late: until then its
// environment tells that it is not of the run that ends.
func (r *reaper) add(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[pid] = true
}

// end kills and reaps the processes of a run whose program, leader, has ended
// but is not reaped yet. It returns how many had left the group.
func (r *reaper) end(leader int, id string) (escaped int, err error) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.running, leader)
	}()
	if !r.on.Load() {
		return 0, nil
	}
	seen := map[int]bool{}
	deadline := time.Now().Add(endLimit)
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		alive, err := r.pass(leader, id, seen)
		switch {
		case err != nil || len(alive) == 0:
			return len(seen), err
		case time.Now().After(deadline):
			return len(seen), fmt.Errorf("processes %v of the run could not be ended within %v", alive, endLimit)
		}
		time.Sleep(pause) // they were killed; there is no event for processes of others
	}
}

// pass looks once at all our children. It kills those of the run and returns
// them, adding those outside the group to seen, and reaps what has ended. A
// process of the run whose parent lives is not our child yet; but the topmost of
// its ancestors is, so after a pass that returns none there are none.
func (r *reaper) pass(leader int, id string, seen map[int]bool) (alive []int, err error) {
	// While the lock is held nobody else reaps adopted children, so an ID stays
	// the same process.
	r.mu.Lock()
	defer r.mu.Unlock()
	pids, err := numbers("/proc") // all processes
	if err != nil {
		return nil, err
	}
	var ended, dying []int
	for _, pid := range pids {
		child, dead := childState(pid)
		switch {
		case !child || r.running[pid]:
		case dead:
			ended = append(ended, pid)
		case inGroup(pid, leader):
			alive = append(alive, pid)
		case hasRun(pid, id):
			seen[pid] = true
			alive = append(alive, pid)
		case seen[pid]: // killed, and so near its end that it has no environment
			dying = append(dying, pid)
		}
	}
	for _, pid := range alive {
		_ = unix.Kill(pid, unix.SIGKILL) // fails only if it has ended meanwhile
	}
	return append(alive, dying...), reap(leader, ended)
}

// reap reaps children that have ended, unless package os started them: it has a
// descriptor of each such process until somebody has waited for it. If it has
// none of leader, it does not use descriptors here, and the rest is left alone.
func reap(leader int, ended []int) error {
	if len(ended) == 0 {
		return nil
	}
	owned, err := processDescriptors()
	if err != nil {
		return err
	}
	for _, pid := range ended {
		if inGroup(pid, leader) || owned[leader] && !owned[pid] {
			// It has ended, so this does not wait; if it is gone, it was not ours.
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
	return nil
}

// numbers lists the entries of a folder whose names are numbers.
func numbers(dir string) ([]int, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			out = append(out, n)
		}
	}
	return out, nil
}

// childState reports whether pid is a child of ours, and whether it has ended.
// The system tells it without reaping.
func childState(pid int) (child, dead bool) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil, err == nil && info.Signo != 0
		}
	}
}

func inGroup(pid, leader int) bool {
	group, err := unix.Getpgid(pid)
	return err == nil && group == leader
}

// hasRun reports whether the process was started in the run. The environment
// can be read of our own user's processes; others we could not kill either.
func hasRun(pid int, id string) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if string(entry) == runVariable+id {
			return true
		}
	}
	return false
}

// processDescriptors returns the processes of which this one has a descriptor.
func processDescriptors() (map[int]bool, error) {
	fds, err := numbers("/proc/self/fdinfo")
	if err != nil {
		return nil, err
	}
	out := map[int]bool{}
	for _, fd := range fds {
		text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, "Pid:"); ok {
				if pid, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
					out[pid] = true
				}
			}
		}
	}
	return out, nil
}
