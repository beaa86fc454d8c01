// Withmongod runs a command with a MongoDB server to test on:
//
//	go run ./internal/mongod/cmd/withmongod -- go test ./...
//
// It starts a one-node replica set, names it to the command in
// LGTASK_TEST_DATABASE, and stops it when the command has ended. If
// LGTASK_TEST_DATABASE is set already, it runs the command and nothing else.
//
// SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to the command, and only the
// command's end ends Withmongod. A Ctrl-C at a terminal reaches the command
// by itself and is not sent again.
//
// The exit code is the command's, 128 and the signal's number if a signal ended
// it, 1 if there is no server, 2 for wrong usage, 127 if the command cannot be
// started. (go run turns every code but 0 into 1.)
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/lgtask/lgtask/internal/mongod"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	os.Exit(run(os.Args[1:], signals, os.Stderr))
}

func run(args []string, signals <-chan os.Signal, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(stderr, "usage: withmongod -- COMMAND [ARGUMENT...]")
		return 2
	}
	env := os.Environ()
	if os.Getenv(mongod.EnvTestDatabase) == "" {
		s, err := start(signals)
		if err != nil {
			fmt.Fprintln(stderr, "withmongod:", err)
			return 1
		}
		defer s.Stop()
		env = append(env, mongod.EnvTestDatabase+"="+s.URI())
	}
	return command(args, env, signals, stderr)
}

// start starts the server, unless a signal comes first.
func start(signals <-chan os.Signal) (s *mongod.Server, err error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	started := make(chan struct{})
	go func() {
		defer close(started)
		s, err = mongod.Start(ctx, mongod.Options{})
	}()
	select {
	case <-started:
		return s, err
	case sig := <-signals:
		stopped := fmt.Errorf("stopped by the signal %q", sig)
		cancel(stopped)
		<-started
		if err == nil {
			s.Stop()
		}
		return nil, stopped
	}
}

// command runs args, passing signals on to it, and returns its exit code.
func command(args, env []string, signals <-chan os.Signal, stderr io.Writer) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "withmongod:", err)
		return 127
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if !sentByTerminal(sig) {
				_ = cmd.Process.Signal(sig)
			}
		case err := <-ended:
			return exitCode(err, stderr)
		}
	}
}

func exitCode(err error, stderr io.Writer) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintln(stderr, "withmongod:", err)
		return 1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
