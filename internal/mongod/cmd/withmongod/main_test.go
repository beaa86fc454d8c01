//go:build linux || darwin

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
)

// sh runs a script as the command and returns the exit code and what
// Withmongod wrote to standard error.
func sh(t *testing.T, signals <-chan os.Signal, script string) (int, string) {
	t.Helper()
	var stderr bytes.Buffer
	code := run([]string{"--", "/bin/sh", "-c", script}, signals, &stderr)
	return code, stderr.String()
}

func TestServerForTheCommand(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "")
	file := filepath.Join(t.TempDir(), "uri")
	t.Setenv("FILE", file)
	if code, errs := sh(t, nil, `printf %s "$LGTASK_TEST_DATABASE" > "$FILE"; exit 7`); code != 7 || errs != "" {
		t.Fatalf("exit code %d, errors %q; want 7 and none", code, errs)
	}
	uri, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(uri), "mongodb://127.0.0.1:") {
		t.Errorf("the command saw the server %q", uri)
	}
}

func TestGivenServerIsKept(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "mongodb://given")
	t.Setenv("PATH", "") // no server could be found
	if code, errs := sh(t, nil, `[ "$LGTASK_TEST_DATABASE" = mongodb://given ]`); code != 0 {
		t.Fatalf("exit code %d, errors %q", code, errs)
	}
}

func TestSignals(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "mongodb://given")
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("READY", ready)
	for script, want := range map[string]int{
		`trap 'exit 9' TERM; : >"$READY"; while :; do sleep 0.01; done`: 9,
		`: >"$READY"; while :; do sleep 0.01; done`:                     128 + int(syscall.SIGTERM),
	} {
		signals := make(chan os.Signal, 1)
		go func() {
			_, _ = os.ReadFile(ready) // returns when the script is ready
			signals <- syscall.SIGTERM
		}()
		if code, errs := sh(t, signals, script); code != want {
			t.Errorf("%s: exit code %d, errors %q; want %d", script, code, errs, want)
		}
	}
}

func TestSignalDuringTheStart(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	began := time.Now()
	code, errs := sh(t, signals, "exit 0")
	if code != 1 || !strings.Contains(errs, "interrupt") {
		t.Errorf("exit code %d, errors %q after %v; want 1 and the signal", code, errs, time.Since(began))
	}
}

func TestUsage(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "mongodb://given")
	var stderr bytes.Buffer
	if code := run([]string{"--"}, nil, &stderr); code != 2 || !strings.HasPrefix(stderr.String(), "usage:") {
		t.Errorf("no command: exit code %d, %q", code, stderr.String())
	}
	if code := run([]string{"/no/such/command"}, nil, &stderr); code != 127 {
		t.Errorf("no such command: exit code %d", code)
	}
}
