package gobuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Options say what to build and where. Only Dir is required.
type Options struct {
	Dir   string       // the task folder; a link is followed anew in each build
	Cache string       // folder for programs; default: DefaultCache()
	Env   []string     // environment of the go command, "name=value"; default: os.Environ()
	Log   func(string) // told what takes long, such as "building /srv/app/tasks"; default: nothing
}

// Builder makes programs of one task folder. Its methods may be called from
// several goroutines; builds come one after the other.
type Builder struct {
	options Options
	env     environ
	turn    chan struct{}          // holds a token while a build is going
	memory  memory                 // for who has the turn
	places  func(environ) []string // where a go command may be that is not on PATH

	mu   sync.Mutex
	last *look // guarded by mu; nil before the first build
}

// New returns a builder. It touches no file.
func New(o Options) *Builder {
	b := &Builder{options: o, env: o.Env, turn: make(chan struct{}, 1), memory: memory{}, places: installed}
	if o.Env == nil {
		b.env = os.Environ()
	}
	if o.Log == nil {
		b.options.Log = func(string) {}
	}
	return b
}

// Result is a program that can be run.
type Result struct {
	Program string // path of the executable
	Key     string // of what it was made of; the same inputs have the same key
	Cached  bool   // it was there already, nothing was compiled
}

// Build returns the program for the present contents of the folder, from the cache
// if it is there. Looking at the inputs takes a few milliseconds.
//
// It returns [*CompileError], [*NoTaskError], [*ProgramError], [*RequirementError]
// and [*NoModuleError] for faults of the folder, [ErrNoToolchain], [*CacheError],
// and the cause of ctx if that ends first; the go command and its compilers are
// killed then.
func (b *Builder) Build(ctx context.Context) (Result, error) {
	if err := b.take(ctx); err != nil {
		return Result{}, err
	}
	defer b.release()
	r, err := b.build(ctx)
	switch {
	case err == nil:
		b.noteGood(r)
	case !isOfInputs(err):
		b.remember(nil)
	}
	return r, err
}

func (b *Builder) build(ctx context.Context) (r Result, err error) {
	j, err := b.newJob(target{})
	if err != nil {
		return Result{}, err
	}
	if r, ok := j.warm(); ok {
		return r, nil
	}
	unlock, err := j.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if r, ok := j.warm(); ok { // another process has built it meanwhile
		return r, nil
	}
	err = untilSettled(func() error {
		r, err = j.cold(ctx)
		return err
	})
	return r, err
}

// take waits for the turn.
func (b *Builder) take(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Builder) release() { <-b.turn }

// cache returns the folder for programs, made and checked.
func (b *Builder) cache() (string, error) {
	if b.options.Cache == "" {
		return DefaultCache()
	}
	dir, err := filepath.Abs(b.options.Cache)
	if err != nil {
		return "", err
	}
	return dir, makeCache(dir)
}

// realDir returns the task folder without links: the go command looks for go.mod
// in the folders above that one.
func (b *Builder) realDir() (string, error) {
	dir, err := filepath.Abs(b.options.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("task folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", dir)
	}
	if err != nil {
		return "", fmt.Errorf("task folder: %w", err)
	}
	return dir, nil
}
