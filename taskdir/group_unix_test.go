//go:build unix

package taskdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyMember(t *testing.T) {
	const groups = "root:x:0:\nadm:x:4:ann\nann:x:1000:\nbob:x:1001:bob\ncarl:x:1002:carl,ann\nstaff:x:50:\n# note\nshort:x\n"
	for gid, want := range map[uint32]bool{0: true, 4: false, 1000: true, 1001: false, 50: false, 7: false} {
		if got := onlyMember(strings.NewReader(groups), gid, "ann"); got != want {
			t.Errorf("group %d: %v, want %v", gid, got, want)
		}
	}
	if !onlyMember(strings.NewReader(groups), 1001, "bob") || onlyMember(strings.NewReader(groups), 1002, "carl") {
		t.Error("members are not counted")
	}
}

// TestPrivateGroup: with a umask of 002 a user's files are writable by the
// user's own group, which is nobody else.
func TestPrivateGroup(t *testing.T) {
	if !privateGroup(uint32(os.Getegid())) {
		t.Logf("the group %d of this user is not private; then such files are refused", os.Getegid())
	}
	dir := filepath.Join(t.TempDir(), "tasks")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "task.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, path} {
		if err := os.Chmod(p, 0o775); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Scan(dir)
	if want := privateGroup(uint32(os.Getegid())); (err == nil && len(f.Executables) == 1) != want {
		t.Errorf("group-writable, private %v: %+v, %v", want, f, err)
	}
}
