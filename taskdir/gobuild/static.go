package gobuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Static builds the program as an executable file without C code and without
// paths of this machine, stripped, and moves it to out when it is complete: for a
// container image or a machine without Go. goos and goarch are the system it is
// for, such as "linux" and "arm64"; empty means this one. The errors are those of
// Build. The program is not kept in the cache, but compiled packages are.
func (b *Builder) Static(ctx context.Context, out, goos, goarch string) error {
	if err := b.take(ctx); err != nil {
		return err
	}
	defer b.release()
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name the file for the program", out)
	}
	t := target{goos: goos, goarch: goarch, static: true}
	if t.goos == "" {
		t.goos = runtime.GOOS
	}
	if t.goarch == "" {
		t.goarch = runtime.GOARCH
	}
	j, err := b.newJob(t)
	if err != nil {
		return err
	}
	unlock, err := j.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return untilSettled(func() error { return j.static(ctx, out) })
}

func (j *job) static(ctx context.Context, out string) error {
	p, err := j.plan(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), ".lgtaskprocessor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	built := filepath.Join(tmp, "processor")
	if err := p.build(ctx, built); err != nil {
		return err
	}
	if err := flush(built); err != nil {
		return err
	}
	return os.Rename(built, out)
}
