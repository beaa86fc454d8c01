// Demo shows lgtask at work: it counts lines, words and bytes of the source tree
// of the Go installation with one task a file.
//
//	go run ./examples/demo                  # some 10,000 files, 4 processors
//	go run ./examples/demo -files 500       # a short form
//	go run ./examples/demo -dir ~/src/mine  # another tree
//
// What can be seen in it:
//
//   - CountFile, a plain task for each regular file, enqueued by 32 goroutines and
//     run by processors named host-1, host-2, … in this process. It stores its
//     counts under the file's name, so that running twice changes nothing.
//   - SumPackage, a batched task for each folder: every file asks for it, and many
//     askings become few runs.
//   - Progress, an interval task that looks at the results once a second. Its
//     priority lets it pass the files that wait.
//   - Report, a singleton that writes the table.
//   - Kwargs that are a database: mongodb://… becomes a *mongo.Database.
//
// At the end the sums are compared with a count of the same files without tasks,
// and the task documents tell how long tasks waited and ran.
//
// The server is one of its own, or the one that LGTASK_TEST_DATABASE names; there
// the demo works in a database of its own and drops it. LGTASK_DATABASE is not
// read: it may be production. Ctrl-C stops cleanly, and no process, database or
// file stays behind.
//
// The exit code is 0, 1 for any failure (sums that differ are one), 2 for wrong
// usage, 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(realMain()) }

func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the program at once; its server ends with it.
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], newScreen(os.Stdout, isTerminal(os.Stdout)), os.Stderr)
}

// settings are what the command line says.
type settings struct {
	dir        string
	files      int
	processors int
}

// parseArgs reads the command line. What is wrong with it has been said on
// stderr when it returns an error.
func parseArgs(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.dir, "dir", "", "the `folder` to count; default: src of the Go installation")
	flags.IntVar(&s.files, "files", 0, "count only the first `N` files; 0 means all")
	flags.IntVar(&s.processors, "processors", 4, "how many `N` tasks run at a time")
	err := flags.Parse(args)
	switch {
	case err != nil:
		return s, err
	case flags.NArg() > 0:
		err = fmt.Errorf("unknown argument %q", flags.Arg(0))
	case s.files < 0:
		err = fmt.Errorf("-files %d: must be 0 or more", s.files)
	case s.processors < 1:
		err = fmt.Errorf("-processors %d: must be 1 or more", s.processors)
	}
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
	}
	return s, err
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, out *screen, stderr io.Writer) int {
	s, err := parseArgs(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	err = demo(ctx, s, out)
	out.endLine()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "demo: stopped")
		return 130
	}
	fmt.Fprintln(stderr, "demo:", err)
	return 1
}
