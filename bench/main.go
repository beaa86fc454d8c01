// Bench measures lgtask beside the MongoDB operations that its work is made of:
//
//	go run ./bench            # everything, some 25 minutes
//	go run ./bench -quick     # everything, smaller, in some 3 minutes
//	go run ./bench -run drain # the metrics whose name matches
//
// It starts a MongoDB server of its own, a one-node replica set, and reads no
// setting of any other. Each row is measured in rounds, lgtask and MongoDB alone
// in turns. For each metric it prints a line of JSON (see report.Metric), then a
// table of all. How far it is goes to standard error.
//
// Where a row says so, producer and worker are processes of their own: copies of
// this program. They end with it. lgtask runs with its default settings.
//
// Every round ends with a check that each of its tasks ran exactly once and
// succeeded. A row that fails, in this or any other way, prints a line with its
// error; the others still run, and the exit code is 1. Wrong usage is 2.
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
	"time"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/rows"
	"github.com/lgtask/lgtask/internal/mongod"
)

func main() {
	child.Main(os.Args[1:], roles.All)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// config is what the command line says.
type config struct {
	sizes  rows.Sizes
	rounds int
	match  *regexp.Regexp // of the metrics
	json   string         // a file for the lines
	list   bool
}

func parse(args []string, stderr io.Writer) (config, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "smaller, in some 3 minutes")
	pattern := flags.String("run", "", "measure only the metrics that match this `regexp`")
	rounds := flags.Int("rounds", 0, "how often each row is measured (default 3, with -quick 1)")
	file := flags.String("json", "", "write the JSON lines to this `file`, too")
	list := flags.Bool("list", false, "print the names of the metrics and end")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	c := config{sizes: rows.Full, rounds: 3, json: *file, list: *list}
	if *quick {
		c.sizes, c.rounds = rows.Quick, 1
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "rounds" })
	if given {
		c.rounds = *rounds
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	case c.rounds < 1:
		err = fmt.Errorf("-rounds %d: give 1 or more", c.rounds)
	default:
		if c.match, err = regexp.Compile(*pattern); err != nil {
			err = fmt.Errorf("-run %s: %w", *pattern, err)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
	}
	return c, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	selected := choose(rows.All, c.match.MatchString)
	if len(selected) == 0 {
		fmt.Fprintf(stderr, "bench: no metric matches %q; -list prints their names\n", c.match)
		return 2
	}
	if c.list {
		for _, r := range selected {
			for _, m := range r.Metrics {
				fmt.Fprintln(stdout, m)
			}
		}
		return 0
	}
	if err := serve(ctx, c, selected, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// serve measures on a server of its own.
func serve(ctx context.Context, c config, selected []rows.Row, stdout, stderr io.Writer) (err error) {
	out := &output{stdout: stdout}
	if c.json != "" {
		f, err := os.Create(c.json)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out.file = f
	}
	dir, err := os.MkdirTemp("", "lgtask-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	starting, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	server, err := mongod.Start(starting, mongod.Options{})
	if err != nil {
		return err
	}
	defer server.Stop()
	began := time.Now()
	env := &rows.Env{URI: server.URI(), Dir: dir, Rounds: c.rounds, Sizes: c.sizes, Log: func(format string, args ...any) {
		fmt.Fprintf(stderr, "%5.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}}
	return measure(ctx, env, selected, c.match.MatchString, out)
}
