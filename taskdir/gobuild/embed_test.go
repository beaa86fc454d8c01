package gobuild

import (
	"path/filepath"
	"testing"
)

// TestEmbedded adds files where the patterns reach, and where not.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "odd[name")
	write(t, dir, files{"a.txt": "", "tree/x/deep/f": "", "sub/one/x.html": "", "sub/two/y.html": "", "other/z": ""})
	s := newInputSet(memory{})
	if err := s.addEmbedded(dir, []string{"*.txt", "all:tree", "sub/*/x.html", "bad["}); err != nil {
		t.Fatal(err)
	}
	list := s.sorted()
	for name, want := range map[string]bool{
		"b.txt": true, "tree/x/deep/g": true, "tree/new/g": true, "sub/two/x.html": true, "sub/three/x.html": true,
		"other/y": false,
	} {
		write(t, dir, files{name: ""})
		if _, same := (memory{}).same(list); same == want {
			t.Errorf("%s: noticed %v, want %v", name, !same, want)
		}
		top := name
		if first := filepath.Dir(filepath.FromSlash(name)); first == filepath.Join("tree", "new") || first == filepath.Join("sub", "three") {
			remove(t, dir, name)
			top = filepath.ToSlash(first)
		}
		remove(t, dir, top)
		if _, same := (memory{}).same(list); !same {
			t.Fatalf("%s is gone, and the inputs still differ", name)
		}
	}
}
