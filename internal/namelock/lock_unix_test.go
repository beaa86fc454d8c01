//go:build unix

package namelock

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/hostid"
)

var key = Key{Hosts: []string{"b:1", "a:2"}, Database: "db", Name: "host-1"}

func open(t *testing.T) *Dir {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "locks"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func take(t *testing.T, d *Dir, k Key) *Lock {
	t.Helper()
	l, err := d.Take(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Release)
	return l
}

func TestOneHolder(t *testing.T) {
	d := open(t)
	for round := range 20 {
		var won atomic.Int32
		var wg sync.WaitGroup
		locks := make(chan *Lock, 50)
		for range 50 {
			wg.Go(func() {
				l, err := d.Take(key)
				var held *HeldError
				switch {
				case err == nil:
					won.Add(1)
					locks <- l
				case !errors.As(err, &held):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		close(locks)
		if won.Load() != 1 {
			t.Fatalf("round %d: %d got the lock", round, won.Load())
		}
		for l := range locks {
			l.Release()
			l.Release() // harmless
		}
	}
}

func TestKeys(t *testing.T) {
	d := open(t)
	take(t, d, key)
	other := key
	other.Hosts = []string{"a:2", "b:1"}
	var held *HeldError
	if _, err := d.Take(other); !errors.As(err, &held) {
		t.Errorf("hosts in another order: %v", err)
	}
	for _, k := range []Key{
		{key.Hosts, "db", "", "host-2"}, {key.Hosts, "db2", "", "host-1"}, {key.Hosts, "db", "p", "host-1"},
		{[]string{"a:2"}, "db", "", "host-1"}, {key.Hosts, "db", "", strings.Repeat("ä/", 60)}, {key.Hosts, "db", "", strings.Repeat("ö/", 60)},
	} {
		take(t, d, k)
	}
}

// TestWhatIsInTheFile does not matter: the system's lock decides.
func TestWhatIsInTheFile(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "garbage": "\x00\xff{", "a process that runs": fmt.Sprintf(`{"name":"host-1","pid":%d,"start":"1"}`, os.Getpid()),
		"an id that is none": `{"pid":-1}`, "large": strings.Repeat("x", 1<<20),
	} {
		d := open(t)
		if err := os.WriteFile(filepath.Join(d.path, key.file()), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := take(t, d, key)
		if h, _, held, err := d.Look(key); err != nil || !held || h.PID != os.Getpid() {
			t.Errorf("%s: then the file says %+v, %v, %v", name, h, held, err)
		}
		if err := os.WriteFile(l.File().Name(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		if _, err := d.Take(key); !errors.As(err, &held) || held.Error() == "" {
			t.Errorf("%s: written while the lock is held: %v", name, err)
		}
	}
}

func TestLook(t *testing.T) {
	d := open(t)
	if _, _, held, err := d.Look(key); held || err != nil {
		t.Errorf("nobody asked yet: %v %v", held, err)
	}
	l := take(t, d, key)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(l.File().Name(), old, old); err != nil {
		t.Fatal(err)
	}
	if _, beat, held, err := d.Look(key); !held || err != nil || time.Since(beat) < 59*time.Minute {
		t.Errorf("beat %v, held %v, %v", beat, held, err)
	}
	if err := l.Beat(); err != nil {
		t.Fatal(err)
	}
	if _, beat, _, _ := d.Look(key); time.Since(beat) > time.Minute {
		t.Errorf("after a beat it was %v ago", time.Since(beat))
	}
}

// TestRemovedFile: who asks next gets another file, and never one that is gone.
func TestRemovedFile(t *testing.T) {
	d := open(t)
	l := take(t, d, key)
	if err := os.Remove(l.File().Name()); err != nil {
		t.Fatal(err)
	}
	second := take(t, d, key)
	if !same(second.File(), second.File().Name()) {
		t.Error("locked a file that is gone")
	}
	if err := l.Beat(); err != nil {
		t.Errorf("beat: %v", err)
	}
}

// TestSharedWithChild: the lock is held as long as a child has the file.
func TestSharedWithChild(t *testing.T) {
	d := open(t)
	l := take(t, d, key)
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.ExtraFiles = []*os.File{l.File()}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	l.Release()
	var held *HeldError
	if _, err := d.Take(key); !errors.As(err, &held) {
		t.Errorf("the child has the file: %v", err)
	}
	other := key
	other.Name = "host-2"
	dropped := take(t, d, other)
	second := exec.Command("cat")
	second.ExtraFiles = []*os.File{dropped.File()}
	end, err := second.StdinPipe()
	if err == nil {
		err = second.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := dropped.Drop(); err != nil {
		t.Fatal(err)
	}
	take(t, d, other) // though the child has the file
	if err := errors.Join(end.Close(), second.Wait()); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	take(t, d, key)
}

// TestKilledHolder: the names of a process killed by SIGKILL are free at once.
func TestKilledHolder(t *testing.T) {
	d := open(t)
	child := exec.Command(os.Args[0], "-test.run=^TestHoldUntilKilled$")
	child.Env = append(os.Environ(), "NAMELOCK_DIR="+d.path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := d.Take(key); !errors.As(err, &held) || held.Holder.PID != child.Process.Pid || !hostid.Runs(held.Holder.PID, held.Holder.Start) {
		t.Errorf("while it runs: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("it ended well")
	}
	take(t, d, key)
}

// TestHoldUntilKilled is the child of TestKilledHolder.
func TestHoldUntilKilled(t *testing.T) {
	path := os.Getenv("NAMELOCK_DIR")
	if path == "" {
		return
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	take(t, d, key)
	fmt.Println("held")
	select {}
}

func TestInsecure(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "locks")
	refused := func(what string, err error) {
		t.Helper()
		var problem *DirError
		if !errors.As(err, &problem) || !strings.Contains(err.Error(), "LGTASK_LOCK_DIR") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	refused("a file", err)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	refused("a folder that others can change", err)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, key.file())
	for what, make := range map[string]func() error{
		"a symbolic link":              func() error { return os.Symlink("/etc/passwd", path) },
		"a pipe":                       func() error { return syscall.Mkfifo(path, 0o600) },
		"a folder":                     func() error { return os.Mkdir(path, 0o700) },
		"a file that others can write": func() error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		_, err := d.Take(key)
		refused(what, err)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	take(t, d, key)
}
