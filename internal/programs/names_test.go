package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// TestFiftyStartsAtOnce: of 50 that cron starts in the same second exactly one
// gets the name, each time, whatever became of the one before.
func TestFiftyStartsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var holder *program
	var slowest time.Duration
	for round := range 20 {
		if holder != nil {
			holder.kill() // its name is free at once
		}
		began := time.Now()
		ps := make([]*program, 50)
		for i := range ps {
			ps[i] = s.start()
		}
		running := make(chan *program, len(ps))
		for _, p := range ps {
			go func() {
				<-p.exited
				running <- nil
			}()
		}
		for range len(ps) - 1 {
			select {
			case <-running:
				slowest = max(slowest, time.Since(began))
			case <-time.After(patience):
				t.Fatalf("round %d: more than one runs", round)
			}
		}
		holder = nil
		for _, p := range ps {
			select {
			case <-p.exited:
				p.exits(0)
				p.silent()
			default:
				holder = p
			}
		}
		if holder == nil {
			t.Fatalf("round %d: nobody has the name", round)
		}
		holder.runs("n")
	}
	holder.stop()
	t.Logf("the last of the 49 others had ended %v after the first start", slowest)
	if infos := s.processors(); len(infos) != 0 {
		t.Errorf("left in the database: %+v", infos)
	}
}

func TestCountRaised(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	config := filepath.Join(t.TempDir(), "my.cfg")
	if err := os.WriteFile(config, []byte("[taskProcessor]\ntaskDatabase = '"+s.env["LGTASK_DATABASE"]+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	two := s.start(config, "2")
	two.runs("n-1", "n-2")
	four := s.start(config, "4")
	four.runs("n-3", "n-4")
	again := s.start(config, "4")
	again.exits(0)
	again.silent()
	var names []string
	for _, info := range s.processors() {
		names = append(names, info.Names...)
	}
	if slices.Sort(names); strings.Join(names, " ") != "n-1 n-2 n-3 n-4" {
		t.Errorf("processors %v", names)
	}
	two.kill()
	s.start(config, "4").runs("n-1", "n-2")
	four.stop()
}

// TestKilledProcessor: what was running when a processor was killed is done
// again when cron starts it again, without waiting for a lease.
func TestKilledProcessor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addTask("slow", "while [ ! -e \"$LGTASK_TASK_DIR/go\" ]; do sleep 0.05; done; echo done")
	p := s.start()
	p.runs("n")
	id := s.create("slow", nil)
	s.comes(id, lgtask.StateWorking)
	began := time.Now()
	p.kill()
	s.touch("go")
	next := s.start()
	task := s.comes(id, lgtask.StateSuccess)
	took := time.Since(began)
	if task.Crashes != 1 || task.LastLog != "done" || took > 20*time.Second {
		t.Errorf("%d crashes, last log %q, after %v", task.Crashes, task.LastLog, took)
	}
	t.Logf("done again %v after the kill", took)
	next.stop()
}

// TestRemovedLock: the lock's file was removed while it was held, as by a
// program that tidies up. The database still knows.
func TestRemovedLock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.start()
	p.runs("n")
	locks, err := filepath.Glob(filepath.Join(s.env["TMPDIR"], "lgtask-*", "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatal(locks, err)
	}
	if err := os.Remove(locks[0]); err != nil {
		t.Fatal(err)
	}
	second := s.with(map[string]string{"LGTASK_LOG_LEVEL": "debug"}).start()
	second.exits(0)
	second.wrote("processor n runs already in process", 1)
	p.stop()
}

// TestTwoHosts: the second of two hosts with one name is refused.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t).with(map[string]string{"LGTASK_LOG_LEVEL": "debug"})
	on := func(host string) *program {
		other := s.with(map[string]string{"LGTASK_LOCK_DIR": filepath.Join(t.TempDir(), "locks")})
		how := []string{"--uts"}
		if os.Getuid() != 0 {
			how = append(how, "--user", "--map-root-user")
		}
		return other.startCommand(exec.Command("unshare", append(how, "sh", "-c", `hostname "$0" && exec "$1"`, host, binary)...))
	}
	first := on("first")
	first.runs("n")
	second := on("second")
	second.exits(0)
	second.wrote("processor n runs already in process [0-9]+ on host first", 1)
	first.stop()
	on("second").runs("n")
}

func TestReplace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.start()
	first.runs("n")
	second := s.start("--replace")
	first.exits(0)
	second.runs("n")
	frozen := s.with(map[string]string{"LGTASK_GRACE": "1ms"})
	second.signal(syscall.SIGSTOP)
	third := frozen.start("--replace")
	third.exits(1)
	third.wrote("does not end.*kill -9", 1)
	second.signal(syscall.SIGCONT)
	second.exits(0) // it had been asked to
}

// TestCronEnvironment: next to nothing, and nobody who reads.
func TestCronEnvironment(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	log := filepath.Join(t.TempDir(), "log")
	config := filepath.Join(t.TempDir(), "my.cfg")
	text := "[taskProcessor]\ntaskDatabase = '" + s.env["LGTASK_DATABASE"] + "'\ntaskName = n\nlogFile = '" + log + "'\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bare := s.with(map[string]string{"PATH": "", "HOME": "", "LGTASK_DATABASE": "", "LGTASK_NAME": "", "LGTASK_LOG_FORMAT": ""})
	cron := func() *program {
		cmd := exec.Command("/bin/sh", "-c", `umask 077; exec "$0" "$1" 2 <&- >&- 2>&-`, binary, config)
		cmd.Dir = "/"
		return bare.startCommand(cmd)
	}
	p := cron()
	id := s.create("Echo", map[string]string{"a": "b"})
	s.comes(id, lgtask.StateSuccess)
	again := cron()
	again.exits(0)
	p.stop()
	content, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(content), "processors are ready") || strings.Contains(string(content), "level\":\"error") {
		t.Errorf("the log: %v\n%s", err, content)
	}
}

// TestCronLine is the line of the original's crontab, with its file.
func TestCronLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addTask("slow", "while [ ! -e \"$LGTASK_TASK_DIR/go\" ]; do sleep 0.05; done; echo done")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "myAppProcessor.cfg")
	text := `[taskProcessor] # This name is required; on the bright side, this allows you
                # to put other configuration items in the file
taskDatabase = '` + s.env["LGTASK_DATABASE"] + `'
taskDir = '` + s.dir() + `'
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(bin, "lgTaskProcessor")); err != nil {
		t.Fatal(err)
	}
	cron := s.with(map[string]string{"PATH": bin + ":/usr/bin:/bin", "LGTASK_DATABASE": "", "LGTASK_NAME": "", "LGTASK_TASK_DIR": ""})
	line := func() *program {
		cmd := exec.Command("/bin/sh", "-c", "lgTaskProcessor "+config+" 2")
		cmd.Dir = "/"
		// The shell of cron waits; ours becomes the program, to be killed.
		cmd.Args[2] = "exec " + cmd.Args[2]
		return cron.startCommand(cmd)
	}
	first := line()
	first.runs(host+"-1", host+"-2")
	id := s.create("slow", nil)
	s.comes(id, lgtask.StateWorking)
	second := line()
	second.exits(0)
	second.silent()
	first.kill()
	s.touch("go")
	third := line()
	s.comes(id, lgtask.StateSuccess)
	third.runs(host+"-1", host+"-2")
	third.stop()
}
