package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/cli"
	"github.com/lgtask/lgtask/taskdir/gobuild"
)

// hooks are what the command line needs from this program.
func hooks() cli.Hooks {
	return cli.Hooks{Run: run, Dev: dev, Build: build, Health: health}
}

// run runs processors: of the task folder if one is configured, else of Echo.
func run() int {
	reg := lgtask.NewRegistry()
	lgtask.Register[Echo](reg)
	return lgtask.MainWith(reg, lgtask.MainOptions{Args: os.Args[1:], Builder: newBuilder})
}

// builder builds the Go files of a task folder for its processors.
type builder struct{ *gobuild.Builder }

func newBuilder(dir string) (lgtask.Builder, error) {
	return builder{gobuild.New(gobuild.Options{Dir: dir})}, nil
}

// Build implements lgtask.Builder.
func (b builder) Build(ctx context.Context) (string, error) {
	r, err := b.Builder.Build(ctx)
	if err != nil {
		r, _ = b.LastGood() // its program is empty if there is none
	}
	return r.Program, err
}

// build makes a static program of a task folder.
func build(ctx context.Context, o cli.BuildOptions) int {
	out := o.Output
	if out == "" {
		dir, err := filepath.Abs(o.Dir)
		if err != nil {
			return fail(2, err)
		}
		out = filepath.Base(dir) + "-processor"
	}
	b := gobuild.New(gobuild.Options{Dir: o.Dir, Log: func(text string) { fmt.Fprintln(os.Stderr, text) }})
	if err := b.Static(ctx, out, o.OS, o.Arch); err != nil {
		return fail(1, err)
	}
	fmt.Println(out)
	return 0
}

// health tells whether the processors of a configuration run on this host.
func health(_ context.Context, o cli.HealthOptions) int {
	args := []string{"--health"}
	if o.Config != "" {
		args = append(args, "--", o.Config)
	}
	if o.Count != "" {
		args = append(args, o.Count)
	}
	return lgtask.MainWith(lgtask.NewRegistry(), lgtask.MainOptions{Args: args})
}

// fail says what is wrong on one line.
func fail(code int, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	return code
}
