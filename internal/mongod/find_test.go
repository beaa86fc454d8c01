package mongod

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMongodOnPathComesFirst(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "mongod")
	if err := os.WriteFile(bin, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(bin))
	if got, err := Find(t.Context()); err != nil || got != bin {
		t.Errorf("%q, %v; want %q", got, err, bin)
	}
}

func TestCacheDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	user = filepath.Join(user, "lgtask")
	for _, c := range []struct {
		name, gomod string
		here        bool // the checkout's own .cache is used
	}{
		{"this module", "// comment\nmodule github.com/lgtask/lgtask\n\ngo 1.25\n", true},
		{"another module", "module example.org/app\nrequire github.com/lgtask/lgtask v1.0.0\n", false},
		{"a module below this one's name", "module github.com/lgtask/lgtask/x\n", false},
		{"no module", "", false},
	} {
		root, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		deep := filepath.Join(root, "a", "b")
		if err := os.MkdirAll(deep, 0o755); err != nil {
			t.Fatal(err)
		}
		if c.gomod != "" {
			if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(c.gomod), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(deep)
		want := user
		if c.here {
			want = filepath.Join(root, ".cache")
		}
		if got, err := cacheDir(); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, want)
		}
	}
}
