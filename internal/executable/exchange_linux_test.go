package executable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lgtask/lgtask/taskdir"
)

// TestExchangedFile puts another file in place of the checked one right before
// it is executed.
func TestExchangedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "job.sh")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("job.sh", "#!/bin/sh\necho checked\n")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &run{spec: Spec{File: taskdir.Executable{Class: "job", Path: path}}, id: "x", out: &output{}}
	script, err := r.spec.File.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	write(".new", "#!/bin/sh\necho exchanged\n")
	if err := os.Rename(filepath.Join(dir, ".new"), path); err != nil {
		t.Fatal(err)
	}
	if err := r.start(script); err != nil {
		t.Fatal(err)
	}
	res := r.wait(t.Context())
	if err := r.cleanUp(); err != nil || res.LastStdout != "checked" {
		t.Errorf("%+v, %v", res, err)
	}
}
