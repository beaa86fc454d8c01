//go:build unix

// Command chaos runs lgtask on a three-node MongoDB while processes are killed and
// frozen, primaries killed and stepped down, and checks that nothing was lost.
//
//	go run ./chaos            # three minutes
//	CHAOS_SEED=7 CHAOS_TIME=1h go run ./chaos
//
// The seed, which it prints, decides what is done when; what happens then is up to the
// machine. It ends with a report, and with exit code 1 if a promise was broken.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if os.Getenv(workerEnv) != "" {
		err = work(ctx)
	} else {
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// settings are what the environment says.
type settings struct {
	seed uint64
	time time.Duration
}

func readSettings() (s settings, err error) {
	s = settings{seed: uint64(time.Now().UnixNano()), time: 3 * time.Minute}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		if s.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return s, fmt.Errorf("CHAOS_SEED=%q is no whole number", text)
		}
	}
	if text := os.Getenv("CHAOS_TIME"); text != "" {
		if s.time, err = time.ParseDuration(text); err != nil || s.time <= 0 {
			return s, fmt.Errorf("CHAOS_TIME=%q is no duration such as 3m", text)
		}
	}
	return s, nil
}

func run(ctx context.Context) error {
	s, err := readSettings()
	if err != nil {
		return err
	}
	fmt.Printf("CHAOS_SEED=%d CHAOS_TIME=%v\n", s.seed, s.time)
	server, err := mongod.Start(ctx, mongod.Options{Members: 3})
	if err != nil {
		return err
	}
	defer server.Stop()
	w, err := newWorld(ctx, server, s)
	if err != nil {
		return err
	}
	defer w.close()
	err = w.play(ctx)
	w.dismiss()
	if err != nil {
		return err
	}
	broken, err := w.judge(ctx)
	for _, b := range broken {
		fmt.Println("BROKEN:", b)
	}
	if len(broken) > 0 {
		err = cmp.Or(err, errors.New("promises were broken; the seed is above"))
	}
	return err
}
