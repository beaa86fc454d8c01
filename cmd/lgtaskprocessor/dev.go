package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/cli"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// devPort is where the database of dev listens, if nobody else does: the address
// in another terminal stays the same from one run to the next.
const devPort = 27117

// devHelp is what dev says when its database runs.
const devHelp = `The task database is %[1]s (empty at each start).
Tasks come from %[2]s; change a file there and see what happens.
In another terminal:

  export LGTASK_DATABASE='%[1]s'
  %[3]s create CLASS key=value
  %[3]s list

Ctrl-C ends it.

`

// dev runs the tasks of a folder on a database of its own, never on one that the
// environment names.
func dev(ctx context.Context, o cli.DevOptions) int {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fail(2, err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fail(2, fmt.Errorf("%s is no folder: make it, or name another", strconv.Quote(dir)))
	}
	locks, err := os.MkdirTemp("", "lgtask-dev-")
	if err != nil {
		return fail(1, err)
	}
	defer func() { _ = os.RemoveAll(locks) }() // what is left are empty files
	fmt.Fprintln(os.Stderr, "starting a MongoDB; where none is installed it is fetched, which takes a minute the first time")
	server, err := mongod.Start(ctx, mongod.Options{Port: freeOr(o.Port)})
	if errors.Is(err, mongod.ErrNoMongod) {
		err = fmt.Errorf("no MongoDB was found on PATH, and none could be fetched: install mongod, or run the folder on a database of yours: LGTASK_DATABASE=mongodb://… LGTASK_TASK_DIR=%s %s (%w)", dir, os.Args[0], err)
	}
	if err != nil {
		return fail(2, err)
	}
	defer server.Stop()
	address := devAddress(server.URI())
	fmt.Fprintf(os.Stderr, devHelp, address, dir, os.Args[0])
	for _, name := range []string{"LGTASK_DATABASE", "LGTASK_DATABASE_FILE", "LGTASK_CONTROL"} {
		if err := os.Unsetenv(name); err != nil {
			return fail(1, err)
		}
	}
	return lgtask.MainWith(lgtask.NewRegistry(), lgtask.MainOptions{Builder: newBuilder, Patient: true, ShowTasks: true, Configure: func(c *lgtask.Config) {
		c.TaskDatabase, c.TaskDir, c.LockDir, c.TaskName, c.Grace = address, dir, locks, "dev", 2*time.Second
		c.Processors = cmp.Or(o.Processors, c.Processors)
	}})
}

// freeOr returns the port asked for, or devPort if it is free, or 0 for any.
func freeOr(asked int) int {
	if asked != 0 {
		return asked
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(devPort)))
	if err != nil {
		return 0
	}
	if err := l.Close(); err != nil {
		return 0
	}
	return devPort
}

// devAddress is the address of the database "dev" of a server.
func devAddress(uri string) string {
	u, err := mongouri.Parse(uri)
	if err == nil {
		u, err = u.WithDatabase("dev")
	}
	if err != nil { // our own server's address is well-formed
		panic(err)
	}
	return u.Driver()
}
