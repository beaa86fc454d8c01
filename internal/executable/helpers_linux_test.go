package executable_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lgtask/lgtask/internal/executable"
	"github.com/lgtask/lgtask/taskdir"
)

// patience is how long a test waits for what comes at once on an idle machine.
const patience = time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// task makes a task directory with one executable file in it.
func task(t testing.TB, name, text string) taskdir.Executable {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755)) // whatever the umask
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o700))
	f, err := taskdir.Scan(dir)
	must(t, err)
	if len(f.Executables) != 1 {
		t.Fatalf("no executable: %v", f.Refused)
	}
	return f.Executables[0]
}

func shell(t testing.TB, body string) taskdir.Executable {
	t.Helper()
	return task(t, "job.sh", "#!/bin/sh\n"+body+"\n")
}

func python(t testing.TB, body string) taskdir.Executable {
	t.Helper()
	return task(t, "job.py", "#!/usr/bin/env python3\n"+body+"\n")
}

// lines collects output.
type lines struct{ stdout, stderr []string }

func (l *lines) add(stderr bool, text string) {
	if stderr {
		l.stderr = append(l.stderr, text)
	} else {
		l.stdout = append(l.stdout, text)
	}
}

// run runs a program to its end and returns what it printed.
func run(t testing.TB, s executable.Spec) (executable.Result, lines) {
	t.Helper()
	var out lines
	s.Line = out.add
	res, err := executable.Run(t.Context(), s)
	must(t, err)
	if res.Cleanup != nil {
		t.Errorf("cleanup: %v", res.Cleanup)
	}
	return res, out
}

// runUntil ends the context once the program has printed a line that begins
// with word, of which it returns the rest.
func runUntil(t *testing.T, s executable.Spec, word string) (executable.Result, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got string
	s.Line = func(_ bool, text string) {
		if rest, ok := strings.CutPrefix(text, word); ok {
			got = strings.TrimSpace(rest)
			cancel()
		}
	}
	res, err := executable.Run(ctx, s)
	must(t, err)
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatalf("it did not print %q", word)
	}
	return res, got
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	must(t, err)
	return n
}

// awaitEnd fails unless the process ends soon or has ended.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			t.Errorf("process %d goes on: %v", pid, err)
		}
		return
	}
}

// status returns the state, as "Z", and parent of a process, or nothing.
func status(pid int) (state string, parent int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// children lists our children by state.
func children(t *testing.T) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	out := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if state, parent := status(pid); parent == os.Getpid() && state != "" {
			out[pid] = state
		}
	}
	return out
}
