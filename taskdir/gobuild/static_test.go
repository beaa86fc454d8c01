package gobuild

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

// TestStatic builds for a system that this one is not, from a file of that system.
func TestStatic(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"mod/go.mod":               userMod,
		"mod/tasks/hello_arm64.go": taskFile("tasks", "Hello", "", `"x"`),
	})
	check := unwritten(t, root)
	k := newKit(t, root, "mod/tasks")
	out := filepath.Join(t.TempDir(), "processor")
	for range 2 { // the second replaces the first
		if err := k.Static(t.Context(), out, "linux", "arm64"); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if !k.Changed() {
		t.Error("Static counts as Build")
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_AARCH64 {
		t.Errorf("the program is for %v", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static")
		}
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(root)) {
		t.Error("the program has paths of this machine")
	}
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the program: %v, %v", entries, err)
	}
	if err := k.Static(t.Context(), root, "linux", "arm64"); err == nil {
		t.Error("a folder was replaced")
	}
}
