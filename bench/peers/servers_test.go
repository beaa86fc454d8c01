package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// until waits for a condition, without end but for the test's own deadline.
func until(condition func() bool) {
	for !condition() {
		<-time.After(5 * time.Millisecond)
	}
}

func gone(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// TestServerEndsWithItsLeash is what happens, too, when the benchmark is killed:
// the system then closes the pipe.
func TestServerEndsWithItsLeash(t *testing.T) {
	dir, err := ownDir()
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(dir, "TERM", []string{"/bin/sh", "-c", "echo $$ >pid; echo started; exec sleep 600"})
	if err != nil {
		t.Fatal(err)
	}
	var pid []byte
	until(func() bool {
		pid, err = os.ReadFile(filepath.Join(dir, "pid"))
		return err == nil && strings.HasSuffix(string(pid), "\n")
	})
	if err := s.leash.Close(); err != nil {
		t.Fatal(err)
	}
	until(func() bool { return gone(dir) && gone("/proc/"+strings.TrimSpace(string(pid))) })
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	dir, err := ownDir()
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(dir, "TERM", []string{"/bin/sh", "-c", "echo out of luck; exec sleep 600"})
	if err != nil {
		t.Fatal(err)
	}
	until(func() bool {
		log, err := os.ReadFile(filepath.Join(dir, "log"))
		return err == nil && len(log) > 0
	})
	err = s.wait(t.Context(), time.Millisecond, func() error { return errors.New("no answer") })
	if err == nil || !strings.Contains(err.Error(), "no answer") || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("got %v, which lacks the reason or the log", err)
	}
	if !gone(dir) {
		t.Error("its directory is still there")
	}
}

func TestPing(t *testing.T) {
	for answer, good := range map[string]bool{"+PONG\r\n": true, "-NOAUTH\r\n": false, "": false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = c.Read(make([]byte, 16))
				_, _ = c.Write([]byte(answer)) // the other side tells
				err = errors.Join(err, c.Close())
			}
			done <- err
		}()
		if err := ping(l.Addr().String()); (err == nil) != good {
			t.Errorf("answer %q: %v", answer, err)
		}
		if err := errors.Join(<-done, l.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestMissing(t *testing.T) {
	no := func() error { return errors.New("no") }
	yes := func() error { return nil }
	got := missing([]need{{"a", no}, {"b", yes}, {"c", no}, {"a", no}})
	if strings.Join(got, " ") != "a c" {
		t.Errorf("missing are %v", got)
	}
	if err := provide(t.Context(), []need{{"b", yes}}, nil); err != nil {
		t.Error(err)
	}
}
