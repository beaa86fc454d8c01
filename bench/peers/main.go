// Command peers measures River, asynq and BullMQ as `make bench` measures this
// library: the same rows, on the same machine. `make bench-peers` runs it.
//
// # What it does
//
// It builds one small program for each peer (the folders below; the Go ones
// are modules of their own, so that this one does not depend on a peer), starts
// the server that the peer needs, and for each row starts a worker, lets a
// producer enqueue, and computes the figures of all peers from what both report.
// Each peer runs in its documented low-latency configuration ("tuned") and in
// its default one; the rounds go through all of them in turn, so that a busy
// minute of the machine does not fall on one alone.
//
// # Guarantees
//
//   - Producer and worker are separate processes in every row.
//   - Every row ends with a check: each task ran, none ran twice, and the server
//     holds none for unfinished.
//   - Servers listen on loopback only, on ports of their own, over temporary
//     directories, and not as root. They end with this program, even if it is
//     killed, and their directories disappear with them (a PostgreSQL that is
//     killed in the second in which it is made leaves its directory).
//
// # Durability
//
// PostgreSQL acknowledges a task when it is on disk (fsync and
// synchronous_commit are on). Redis keeps an append-only file that it syncs
// every second: if the machine fails, one to two seconds of acknowledged tasks
// can be lost. The flag -appendfsync=always makes both alike.
//
// # Output
//
// Standard output gets one JSON line a metric, in the format of `make bench`, then
// a table. A metric is named peer, row and, for the default configuration,
// "_default". The value is the median over the rounds, of the rate or of the p50
// in milliseconds; p50 and p99 are over the tasks of all rounds. Standard error
// gets the progress and the load of the machine. The exit code is 1 if any row
// failed.
//
// # Needs
//
// Linux, Go, and from Debian's packages postgresql, redis-server, nodejs and
// npm; what is missing is installed if the caller is root and has apt-get, and
// named if not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

// options are the flags.
type options struct {
	run         *regexp.Regexp
	rounds      int
	size        size
	dir         string // of the peers' programs
	cache       string // where they are built
	appendfsync string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run measures and prints, and returns the exit code.
func run(ctx context.Context, args []string, out, progress io.Writer) int {
	opts, err := parse(args, progress)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		fmt.Fprintln(progress, err)
		return 2
	}
	results, failed := measureAll(ctx, opts, progress)
	if err := printAll(out, results); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		fmt.Fprintln(progress, failed)
		return 1
	}
	return 0
}

func parse(args []string, progress io.Writer) (options, error) {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(progress)
	pattern := flags.String("run", "", "measure only the metrics that match this expression")
	quick := flags.Bool("quick", false, "one round of a tenth of the tasks, some two minutes")
	rounds := flags.Int("rounds", 0, "how often each row is measured (default 3, with -quick 1)")
	o := options{size: full}
	flags.StringVar(&o.dir, "dir", "bench/peers", "the folder of the peers' programs")
	flags.StringVar(&o.cache, "cache", ".cache/bench-peers", "where to build them")
	flags.StringVar(&o.appendfsync, "appendfsync", "everysec", "when Redis syncs its file: everysec or always")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.rounds = 3
	if *quick {
		o.size, o.rounds = small, 1
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "rounds" {
			o.rounds = *rounds
		}
	})
	var err error
	switch o.run, err = regexp.Compile(*pattern); {
	case err != nil:
		return o, fmt.Errorf("-run %s: %w", *pattern, err)
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	case o.rounds < 1:
		return o, fmt.Errorf("-rounds %d: give 1 or more", o.rounds)
	case o.appendfsync != "everysec" && o.appendfsync != "always":
		return o, fmt.Errorf("-appendfsync %s: give everysec or always", o.appendfsync)
	case len(wanted(o.run)) == 0:
		return o, fmt.Errorf("-run %s: no metric matches; they are named peer, row and, for the default configuration, _default, as river_drain_100", *pattern)
	}
	return o, nil
}
