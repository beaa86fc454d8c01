package gobuild

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// fill puts programs into the store that were last used so long ago.
func fill(t *testing.T, s store, ages ...time.Duration) {
	t.Helper()
	for i, age := range ages {
		key := strconv.Itoa(i)
		write(t, s.root, files{key + "/" + manifestName: "{}"})
		used := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(s.root, key, manifestName), used, used); err != nil {
			t.Fatal(err)
		}
	}
}

func (s store) keys(t *testing.T) (keys []string) {
	t.Helper()
	list, err := s.builds()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		keys = append(keys, b.key)
	}
	return keys
}

func TestPrune(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	cache := t.TempDir()
	own, other := openStore(cache, "/own"), openStore(cache, "/other")
	var ages []time.Duration
	for i := range 12 {
		ages = append(ages, time.Duration(i)*time.Hour)
	}
	fill(t, own, append(ages, 2*day, 3*day)...)
	fill(t, other, day, 31*day)
	write(t, other.root, files{
		"2/" + manifestName: `{"dir": "` + filepath.ToSlash(filepath.Join(cache, "gone")) + `"}`,
		"3/" + manifestName: `{"dir": "` + filepath.ToSlash(cache) + `"}`,
	})
	for _, key := range []string{"2", "3"} {
		if err := os.Chtimes(filepath.Join(other.root, key, manifestName), time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, own.root, files{"tmp-1/x": "", "tmp-2/x": "", "lock": ""})
	if err := os.Chtimes(filepath.Join(own.root, "tmp-1"), time.Time{}, time.Now().Add(-2*day)); err != nil {
		t.Fatal(err)
	}
	if err := own.prune(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := pruneCache(cache, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := own.keys(t); len(got) != 12 || got[0] != "0" || got[11] != "11" {
		t.Errorf("of the folder are kept: %v", got)
	}
	if got := other.keys(t); !slices.Equal(got, []string{"0", "3"}) {
		t.Errorf("of the other folder are kept: %v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(own.root, "tmp-*")); len(left) != 1 {
		t.Errorf("builds under way: %v", left)
	}
	fill(t, own, slices.Repeat([]time.Duration{2 * day}, 14)...)
	if err := own.prune(time.Now()); err != nil || len(own.keys(t)) != keepBuilds {
		t.Errorf("kept are %v, %v", own.keys(t), err)
	}
}

// TestDamage takes a program away, and shortens it, behind the cache's back.
func TestDamage(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"x"`)})
	k := newKit(t, root, "mod/tasks")
	first, _ := k.build()
	for i, damage := range []func() error{
		func() error { return os.Remove(first.Program) },
		func() error { return os.Truncate(first.Program, 100) },
		func() error {
			return os.WriteFile(filepath.Join(filepath.Dir(first.Program), manifestName), nil, 0o600)
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if r, _ := k.build(); r.Key != first.Key || r.Cached {
			t.Errorf("damage %d: got %+v", i, r)
		}
	}
}

// TestLink points the link that names the folder elsewhere, as deployments do.
func TestLink(t *testing.T) {
	t.Parallel()
	root := tree(t, files{
		"one/go.mod": userMod, "one/hello.go": taskFile("tasks", "Hello", "", `"1"`),
		"two/go.mod": userMod, "two/hello.go": taskFile("tasks", "Hello", "", `"2"`),
	})
	link := filepath.Join(root, "current")
	k := newKit(t, root, "current")
	for _, name := range []string{"one", "two"} {
		if err := os.Symlink(filepath.Join(root, name), link); err != nil {
			t.Fatal(err)
		}
		k.wantChanged(true)
		r, out := k.build()
		wantLines(t, r, out, "Hello", map[string]string{"one": "1", "two": "2"}[name])
		k.wantChanged(false)
		remove(t, link)
	}
}
