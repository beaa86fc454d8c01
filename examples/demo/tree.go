package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sourcegraph/conc/pool"
)

// goSource returns the src folder of the Go installation.
func goSource(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", fmt.Errorf("go env GOROOT does not tell where Go is installed (%w); name a folder with -dir", err)
	}
	return filepath.Join(root, "src"), nil
}

// listFiles returns the regular files below root as slash-separated paths, in
// the order of their names, at most limit unless that is 0.
func listFiles(root string, limit int) ([]string, error) {
	// A symbolic link as root is followed, those below are not.
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	var files []string
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case limit > 0 && len(files) == limit:
			return fs.SkipAll
		case d.Type().IsRegular():
			files = append(files, name)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no files in %s", root)
	}
	return files, err
}

// packageOf returns the folder of a file: its package, more or less.
func packageOf(file string) string { return path.Dir(file) }

// countFile counts one file of the tree.
func countFile(root, file string) (counts, error) {
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return counts{}, err
	}
	defer func() { _ = f.Close() }() // only read
	return count(f)
}

// countTree counts the files without tasks and returns the sums by package.
func countTree(ctx context.Context, root string, files []string) (map[string]total, error) {
	p := pool.NewWithResults[map[string]total]().WithContext(ctx).WithCancelOnError().WithFirstError()
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		p.Go(func(ctx context.Context) (map[string]total, error) {
			sums := map[string]total{}
			for i := w; i < len(files); i += workers {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				c, err := countFile(root, files[i])
				if err != nil {
					return nil, err
				}
				add(sums, packageOf(files[i]), total{1, c})
			}
			return sums, nil
		})
	}
	parts, err := p.Wait()
	all := map[string]total{}
	for _, part := range parts {
		for name, t := range part {
			add(all, name, t)
		}
	}
	return all, err
}

func add(sums map[string]total, name string, t total) {
	sum := sums[name]
	sum.add(t)
	sums[name] = sum
}

// sumOf returns the sum over all packages.
func sumOf(packages map[string]total) (sum total) {
	for _, t := range packages {
		sum.add(t)
	}
	return sum
}
