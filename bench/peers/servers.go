package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// watchdog runs the command after its first two arguments and, when its
// standard input closes, sends it the signal named by the second and removes
// the directory named by the first.
const watchdog = `
dir=$1; signal=$2; shift 2
"$@" </dev/null >"$dir/log" 2>&1 &
pid=$!
read -r word
kill -s "$signal" "$pid"; wait "$pid"
cd /; rm -rf "$dir"
exit 0
`

// server is a database server that runs for one configuration of a peer.
type server struct {
	address string // as the peer's program wants it
	dir     string
	cmd     *exec.Cmd // the watchdog
	leash   io.Closer
}

// postgres is a PostgreSQL with the settings it has after installation.
func postgres(ctx context.Context, _ bool, _ options) (*server, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := ownDir()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "bench", "--auth=trust", "--no-locale", "--encoding=UTF8")
	initdb.Dir = dir
	if err := unprivileged(initdb); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	argv := []string{filepath.Join(bin, "postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", dir, "-c", "fsync=on", "-c", "synchronous_commit=on"}
	s, err := start(dir, "QUIT", argv)
	if err != nil {
		return nil, err
	}
	s.address = "postgres://bench@127.0.0.1:" + port + "/postgres?sslmode=disable"
	return s, s.wait(ctx, patience, func() error {
		return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port).Run()
	})
}

// redis is a Redis that keeps an append-only file and no snapshots. Tuned, it
// looks after its timeouts a hundred times a second, as its configuration file
// advises where very low latency is required.
func redis(ctx context.Context, tuned bool, o options) (*server, error) {
	dir, err := ownDir()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	argv := []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", o.appendfsync}
	if tuned {
		argv = append(argv, "--hz", "100")
	}
	s, err := start(dir, "KILL", argv)
	if err != nil {
		return nil, err
	}
	s.address = "127.0.0.1:" + port
	return s, s.wait(ctx, patience, func() error { return ping(s.address) })
}

func ping(address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing is left to write
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	pong := make([]byte, len("+PONG"))
	if _, err := io.ReadFull(c, pong); err != nil {
		return err
	}
	if string(pong) != "+PONG" {
		return fmt.Errorf("it answers %q to a ping", pong)
	}
	return nil
}

// start runs a server under a watchdog in a directory that is then its own.
func start(dir, signal string, argv []string) (*server, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdog, "sh", dir, signal}, argv...)...)
	cmd.Dir = dir
	err := unprivileged(cmd)
	var leash io.WriteCloser
	if err == nil {
		leash, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", argv[0], err), os.RemoveAll(dir))
	}
	return &server{dir: dir, cmd: cmd, leash: leash}, nil
}

// patience is how long a server may take to start on a busy machine.
const patience = time.Minute

// wait returns when a server is ready, and stops it if that takes too long.
func (s *server) wait(ctx context.Context, patience time.Duration, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // only to tell more
			return errors.Join(fmt.Errorf("the server does not start: %w; its log: %s", err, log[max(0, len(log)-maxTail):]), s.stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server and removes what it kept.
func (s *server) stop() error {
	_ = s.leash.Close()
	return s.cmd.Wait()
}

// ownDir makes a directory for the user that runs the server.
func ownDir() (string, error) {
	dir, err := os.MkdirTemp("", "lgtask-peer-")
	if err != nil {
		return "", err
	}
	if err := giveAway(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// freePort returns a port that nothing listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l.Close()
}

// postgresBin returns the folder of the newest PostgreSQL, which Debian keeps
// off the PATH.
func postgresBin() (string, error) {
	if p, err := exec.LookPath("postgres"); err == nil {
		p, err = filepath.EvalSymlinks(p) // the other programs are beside it
		return filepath.Dir(p), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("there is no postgres; install Debian's package postgresql"), err)
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(strings.Split(p, "/")[4]) // a folder of another name is the oldest
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}
