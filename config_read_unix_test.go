//go:build unix

package lgtask

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPipeNobodyWritesTimesOut(t *testing.T) {
	path := fifo(t)
	_, err := testLoader(map[string]string{"LGTASK_DATABASE_FILE": path}).fromEnv()
	wantConfigError(t, err, "LGTASK_DATABASE_FILE", "within 50ms")
	_, err = testLoader(nil).load(path)
	wantConfigError(t, err, "within 50ms")

	// Opened for writing, but nothing comes.
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, err = testLoader(nil).load(path)
	wantConfigError(t, err, "within 50ms")
}

func TestPipeIsRead(t *testing.T) {
	path := fifo(t)
	done := make(chan error, 1)
	go func() {
		// Opening waits for the reader.
		done <- os.WriteFile(path, []byte("mongodb://h/db\n"), 0)
	}()
	l := testLoader(map[string]string{"LGTASK_DATABASE_FILE": path})
	l.timeout = time.Minute
	c, err := l.fromEnv()
	if err != nil || c.TaskDatabase != "mongodb://h/db" {
		t.Errorf("TaskDatabase = %q, %v", c.TaskDatabase, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
