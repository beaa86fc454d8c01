//go:build unix

// Command chaos runs lgtask on a three-node MongoDB while processes are killed, frozen
// and cut off from each other, primaries killed, isolated and stepped down, and commands
// made to fail, and checks that nothing was lost.
//
//	go run ./chaos            # three minutes
//	CHAOS_SEED=7 CHAOS_TIME=1h go run ./chaos
//
// The seed, which it prints, decides what is done when; what happens then is up to the
// machine. Cutting off needs root on Linux, iproute2 and iptables; without these it is
// left out, and the first lines say so. It ends with a report, and with exit code 1 if a promise was broken.
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
	"github.com/lgtask/lgtask/internal/netlab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if os.Getenv(workerEnv) != "" {
		err = work(ctx)
	} else {
		var code int
		if code, err = begin(ctx); code != 0 && err == nil {
			os.Exit(code)
		}
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

// begin runs it, in namespaces of its own where there are any: then by this program,
// started again, whose exit code it returns.
func begin(ctx context.Context) (code int, err error) {
	if why := netlab.Missing(); why != nil {
		fmt.Printf("nobody is cut off: %v\n", why)
		return 0, run(ctx, false)
	}
	// Out here, since it may have to be fetched.
	if _, err := mongod.Find(ctx); err != nil {
		return 0, err
	}
	code, outside, err := netlab.Enter()
	if outside || err != nil {
		return code, err
	}
	return 0, run(ctx, true)
}

// run runs it, on separate hosts or not.
func run(ctx context.Context, separate bool) error {
	s, err := readSettings()
	if err != nil {
		return err
	}
	fmt.Printf("CHAOS_SEED=%d CHAOS_TIME=%v\n", s.seed, s.time)
	h, err := newHosts(ctx, separate)
	if err != nil {
		return err
	}
	server, err := mongod.Start(ctx, h.options())
	if err != nil {
		return err
	}
	defer server.Stop()
	w, err := newWorld(ctx, server, h, s)
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
