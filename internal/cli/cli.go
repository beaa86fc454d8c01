package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask/internal/tasksocket"
)

// Hooks are what the commands need from the program they are in. The command of
// a hook that is nil is not offered.
type Hooks struct {
	// Run is the form [CONFIG [COUNT]]: it runs processors, reads the program's
	// arguments itself, and returns the exit code. Required.
	Run func() int
	// Dev runs a folder of tasks for development until ctx ends.
	Dev func(ctx context.Context, o DevOptions) int
	// Build makes a program of a folder of tasks.
	Build func(ctx context.Context, o BuildOptions) int
	// Health finds out whether this host's processors run: 0 if so, else 1.
	Health func(ctx context.Context, o HealthOptions) int
}

// DevOptions are the arguments of the command dev.
type DevOptions struct {
	Dir        string // the folder of tasks, "." if none was given
	Processors int    // 0: not given
	Port       int    // of the database; 0: not given
}

// BuildOptions are the arguments of the command build.
type BuildOptions struct {
	Dir    string // the folder of tasks, "." if none was given
	Output string // the file to write; empty: not given
	OS     string // as GOOS; empty: this system
	Arch   string // as GOARCH; empty: this machine's
}

// HealthOptions are the arguments of the command health.
type HealthOptions struct {
	Config string // the configuration file; empty: the environment
	Count  string // how many processors it was started with; empty: not given
}

// Main runs a command, or Hooks.Run if the arguments name none, and returns the
// exit code. It takes SIGINT and SIGTERM while a command runs: the first ends
// its context, a second the program.
func Main(args []string, hooks Hooks) int {
	p := &program{name: filepath.Base(os.Args[0]), hooks: hooks, stdin: os.Stdin, stdout: &output{w: os.Stdout}, stderr: os.Stderr,
		socket: os.Getenv(tasksocket.Env)}
	root := p.root()
	if len(args) == 0 || !isCommand(root, args[0]) {
		return p.processors(root, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal acts as if nobody took it
	return p.run(ctx, root, args)
}

// program is Main with its surroundings as fields, for tests.
type program struct {
	name   string
	hooks  Hooks
	stdin  io.Reader
	stdout *output
	stderr io.Writer
	socket string // of the processor that runs us; empty: none does
	code   int    // what a hook returned
}

// run runs a command.
func (p *program) run(ctx context.Context, root *cobra.Command, args []string) int {
	if err := checkArguments(args); err != nil {
		return p.fail(ctx, err)
	}
	if err := checkShell(args); err != nil {
		return p.fail(ctx, err)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		err = p.stdout.err()
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra's, of completion
		err = &usageError{err.Error(), "see " + p.name + " " + args[0] + " --help"}
	}
	if err != nil {
		return p.fail(ctx, err)
	}
	return p.code
}

// commandNames are the commands' names.
func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.Name() != "help" && c.Name() != "completion" {
			names = append(names, c.Name())
		}
	}
	return append(names, "help", "completion") // cobra makes them when it runs
}

// isCommand reports whether a first argument is a command, or what completion
// scripts call.
func isCommand(root *cobra.Command, word string) bool {
	return word == cobra.ShellCompRequestCmd || word == cobra.ShellCompNoDescRequestCmd || slices.Contains(commandNames(root), word)
}

// output is standard output. Its first error is kept: whoever asked for an ID
// must learn that it was not written.
type output struct {
	w      io.Writer
	failed error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.failed == nil {
		o.failed = err
	}
	return n, err
}

func (o *output) err() error {
	if o.failed == nil {
		return nil
	}
	return &outputError{o.failed}
}
