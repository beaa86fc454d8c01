//go:build faults && root

package crash

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// cgroupEnv names the group that the way "out of memory" enters first.
const cgroupEnv = "LGTASK_CRASH_CGROUP"

func init() {
	rootWays["out of memory"] = func() {
		if err := os.WriteFile(filepath.Join(os.Getenv(cgroupEnv), "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			panic(err)
		}
		var all [][]byte
		for {
			one := make([]byte, 1<<20)
			for i := range one {
				one[i] = byte(i)
			}
			all = append(all, one)
		}
	}
}

// memoryGroup makes a control group that has so many bytes of memory. It takes root.
func (w *world) memoryGroup(bytes int) (dir string, kills func() int) {
	w.Helper()
	root, limit, events := "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) { // the second version
		root, limit, events = "/sys/fs/cgroup", "memory.max", "memory.events"
	}
	dir = filepath.Join(root, "lgtask-"+bson.NewObjectID().Hex())
	if err := os.Mkdir(dir, 0o755); err != nil {
		w.Fatalf("this test makes a control group for memory, as root: %v", err)
	}
	w.Cleanup(func() {
		w.eventually("the control group to be empty", func() bool { return !errors.Is(syscall.Rmdir(dir), syscall.EBUSY) })
	})
	w.must(os.WriteFile(filepath.Join(dir, limit), []byte(strconv.Itoa(bytes)), 0))
	return dir, func() int {
		text, err := os.ReadFile(filepath.Join(dir, events))
		w.must(err)
		found := regexp.MustCompile(`(?m)^oom_kill (\d+)$`).FindStringSubmatch(string(text))
		if found == nil {
			w.Fatalf("%s does not count kills:\n%s", events, text)
		}
		n, err := strconv.Atoi(found[1])
		w.must(err)
		return n
	}
}

// TestExecutableOutOfMemory: the kernel kills the program of a task; only that fails.
func TestExecutableOutOfMemory(t *testing.T) {
	w := newWorld(t)
	group, kills := w.memoryGroup(32 << 20)
	dir := t.TempDir()
	w.must(os.WriteFile(filepath.Join(dir, "greedy.sh"), []byte("#!/bin/sh\necho $$ > "+group+"/cgroup.procs\nexec tail /dev/zero\n"), 0o755))
	w.must(os.WriteFile(filepath.Join(dir, "modest.sh"), []byte("#!/bin/sh\necho done\n"), 0o755))
	p := w.launch("a", 1, map[string]string{"LGTASK_TASK_DIR": dir})
	p.wrote("a processor runs", 1)
	task := w.comes(w.create("greedy", nil), lgtask.StateError)
	if !strings.Contains(task.LastLog, "signal 9 (killed)") || task.Crashes != 0 || kills() == 0 {
		t.Errorf("the task: %+v; the kernel has killed %d", task, kills())
	}
	t.Logf("it ended as %q, %d killed by the kernel", task.LastLog, kills())
	w.comes(w.create("modest", nil), lgtask.StateSuccess)
	p.stop()
	w.empty()
}

// TestWorkerOutOfMemory: the kernel kills a process, again and again, until the task
// that takes the memory is quarantined.
func TestWorkerOutOfMemory(t *testing.T) {
	w := newWorld(t)
	group, kills := w.memoryGroup(256 << 20)
	w.createMany(randomness(t), 10, 20*time.Millisecond)
	poison := w.create("Sabotage", Sabotage{"out of memory"})
	deaths := w.relaunched(poison, map[string]string{cgroupEnv: group})
	if v := w.judge(false); v.quarantined != 1 || v.done != 10 || deaths != 3 || kills() != 3 {
		t.Errorf("%d quarantined, %d done, %d deaths, %d by the kernel", v.quarantined, v.done, deaths, kills())
	}
	w.empty()
}
