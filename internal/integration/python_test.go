package integration

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks/taskstest"
)

// The Python driver that is installed, and what it needs.
const (
	pymongo   = "pymongo==4.15.5"
	dnspython = "dnspython==2.7.0"
)

// cacheDir is .cache of this module, as seen from the folder tests run in.
var cacheDir = filepath.Join("..", "..", ".cache")

// installPymongo returns the folder of the Python driver. It stays there for the
// next time.
func installPymongo(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tag, err := exec.CommandContext(ctx, "python3", "-c",
		"import sys, sysconfig; print(sys.implementation.cache_tag + '-' + sysconfig.get_platform())").Output()
	if err != nil {
		t.Fatalf("this test needs python3 with pip (package python3-pip): %v", err)
	}
	dir := filepath.Join(cacheDir, strings.ReplaceAll(pymongo, "==", "-")+"-"+strings.TrimSpace(string(tag)))
	if _, err := os.Stat(dir); err == nil {
		return absolute(t, dir)
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(cacheDir, "pymongo-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	into := filepath.Join(tmp, "site")
	pip := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--no-input", "--no-cache-dir",
		"--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--target", into, pymongo, dnspython)
	pip.Env = append(os.Environ(), "PIP_USER=0") // it does not go with --target
	if out, err := pip.CombinedOutput(); err != nil {
		t.Fatalf("pip cannot install %s, which this test needs (package python3-pip, and pip's package index in reach): %v\n%s", pymongo, err, out)
	}
	// Another test program may have been faster.
	if err := os.Rename(into, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return absolute(t, dir)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// python runs a script of testdata with the driver in dir, and returns what it
// printed.
func python(t *testing.T, dir, script string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", append([]string{filepath.Join("testdata", script)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "INSERT_ADDRESS="+taskstest.URI(t))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, errs.String())
	}
	return out
}
