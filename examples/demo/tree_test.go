package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes a folder with these files in it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestListFiles(t *testing.T) {
	root := tree(t, map[string]string{"b/x.go": "", "a/y.go": "", "a/c/z.txt": "", "top": ""})
	if err := os.Symlink("top", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int][]string{
		0: {"a/c/z.txt", "a/y.go", "b/x.go", "top"},
		2: {"a/c/z.txt", "a/y.go"},
		9: {"a/c/z.txt", "a/y.go", "b/x.go", "top"},
	} {
		if got, err := listFiles(root, limit); !slices.Equal(got, want) || err != nil {
			t.Errorf("limit %d: %q, %v; want %q", limit, got, err, want)
		}
	}
	if _, err := listFiles(filepath.Join(root, "none"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	if _, err := listFiles(t.TempDir(), 0); err == nil || !strings.Contains(err.Error(), "no files in ") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestListFilesThroughALink(t *testing.T) {
	root := tree(t, map[string]string{"real/x": ""})
	link := filepath.Join(root, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if got, err := listFiles(link, 0); !slices.Equal(got, []string{"x"}) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCountTree(t *testing.T) {
	root := tree(t, map[string]string{"a/1": "x y\n", "a/2": "z", "top": "\n\n"})
	got, err := countTree(t.Context(), root, []string{"a/1", "a/2", "top"})
	want := map[string]total{"a": {2, counts{1, 3, 5}}, ".": {1, counts{2, 0, 2}}}
	if !maps.Equal(got, want) || err != nil {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if sum, want := sumOf(got), (total{3, counts{3, 3, 7}}); sum != want {
		t.Errorf("sum %v, want %v", sum, want)
	}
	if _, err := countTree(t.Context(), root, []string{"a/1", "gone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := countTree(ctx, root, []string{"a/1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
