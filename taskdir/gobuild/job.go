package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// target is what a program is for. The zero value is a program for the cache.
type target struct {
	goos, goarch string
	static       bool
}

// job is one call of Build or Static.
type job struct {
	b        *Builder
	target   target
	dir      string // the task folder, absolute, without links
	paths    paths
	settings string
	tool     toolchain // empty if none was found
	toolErr  error
	cache    string
	store    store
}

func (b *Builder) newJob(t target) (*job, error) {
	dir, err := b.realDir()
	if err != nil {
		return nil, err
	}
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	j := &job{b: b, target: t, dir: dir, cache: cache, settings: b.env.settingsSum(), store: openStore(cache, dir)}
	j.paths = paths{base: dir}
	if !filepath.IsAbs(b.options.Dir) {
		if cwd, err := os.Getwd(); err == nil { // else messages have absolute paths
			j.paths.cwd = realPath(cwd)
		}
	}
	j.tool, j.toolErr = b.findToolchain()
	return j, nil
}

// realPath returns the path without links, or as it is if that cannot be told.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// warm looks for a program of the present inputs without starting anything.
func (j *job) warm() (Result, bool) {
	builds, err := j.store.builds()
	if err != nil {
		return Result{}, false // building tells what is wrong with the cache
	}
	for _, b := range builds {
		m, err := j.store.load(b.key)
		if err != nil || !j.fits(m) {
			continue
		}
		fresh, same := j.b.memory.same(m.Inputs)
		if !same {
			continue
		}
		touched := !slices.Equal(fresh, m.Inputs)
		m.Inputs = fresh
		// Both only save time later: what cannot be noted is read again.
		if touched {
			_ = j.store.save(m)
		} else {
			_ = j.store.use(b)
		}
		j.b.remember(&look{dir: j.dir, settings: j.settings, tool: m.Toolchain, inputs: fresh})
		return Result{Program: j.store.program(m.Key), Key: m.Key, Cached: true}, true
	}
	return Result{}, false
}

// fits reports whether a program was built by what is there now. If there is no go
// command any more, any will do.
func (j *job) fits(m *manifest) bool {
	return m.Dir == j.dir && m.Settings == j.settings &&
		(j.toolErr != nil || m.Toolchain == j.tool.id) &&
		(m.Source == "" || m.Source == sourceID())
}

// lock lets one builder of the folder in.
func (j *job) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(j.store.root, 0o700); err != nil {
		return nil, err
	}
	return lock(ctx, j.store.lockFile())
}

// rounds is how often a build starts over because of changed inputs.
const rounds = 3

// untilSettled repeats a build whose inputs have changed until it was done.
func untilSettled(build func() error) (err error) {
	for range rounds {
		if err = build(); !errors.Is(err, errUnsettled) {
			return err
		}
	}
	return err
}

// cold builds the program unless the one with its key is there.
func (j *job) cold(ctx context.Context) (Result, error) {
	p, err := j.plan(ctx)
	if err != nil {
		return Result{}, err
	}
	defer p.close()
	program := j.store.program(p.key)
	if m, err := j.store.load(p.key); err == nil {
		m.Toolchain, m.Source, m.Inputs = j.tool.id, p.source, p.inputs
		return Result{Program: program, Key: p.key, Cached: true}, j.store.save(m)
	}
	if err := p.build(ctx, filepath.Join(p.tmp, filepath.Base(program))); err != nil {
		return Result{}, err
	}
	m := &manifest{
		Generator: generator, Dir: j.dir, Key: p.key, Settings: j.settings, Toolchain: j.tool.id,
		Source: p.source, Inputs: p.inputs,
	}
	if err := j.store.install(p.tmp, m); err != nil {
		return Result{}, fmt.Errorf("put the program into the cache: %w", err)
	}
	now := time.Now()
	if err := errors.Join(j.store.prune(now), pruneCache(j.cache, now)); err != nil {
		j.b.options.Log(oneLine("old programs stay in the cache: " + err.Error()))
	}
	return Result{Program: program, Key: p.key}, nil
}
