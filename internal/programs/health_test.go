package programs

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestHealth: the processors of the configuration run, and give signs of life.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addTask("shell", "echo hello")
	health := func(code int, says string) {
		t.Helper()
		for _, args := range [][]string{{"health"}, {"--health"}} {
			p := s.start(args...)
			p.exits(code)
			p.wrote(says, 1)
		}
	}
	health(1, "processor n does not run on this host")
	p := s.start()
	p.runs("n")
	health(0, "1 processors run on this host")
	locks, err := filepath.Glob(filepath.Join(s.env["TMPDIR"], "lgtask-*", "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatal(locks, err)
	}
	p.signal(syscall.SIGSTOP)
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(locks[0], old, old); err != nil {
		t.Fatal(err)
	}
	health(1, "no sign of life for 1m")
	p.signal(syscall.SIGCONT)
	info, err := os.Stat(locks[0])
	for over := time.Now().Add(patience); err == nil && time.Since(info.ModTime()) > 30*time.Second && time.Now().Before(over); {
		info, err = os.Stat(locks[0])
	}
	health(0, "1 processors run on this host")
	p.stop()
	health(1, "processor n does not run on this host")
}
