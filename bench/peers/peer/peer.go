// Package peer is what the programs of the Go peers have in common: the
// conversation with the benchmark that starts them, the pace of offered tasks,
// and the record of what started when.
//
// A program runs in one of two roles, producer or worker, so that each is a
// process of its own. It reads one JSON command a line and answers each with
// one JSON reply; it ends when its input does, so none outlives the benchmark.
// All instants are microseconds of the machine's clock.
package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Task is the argument of every task: its number and 100 bytes.
type Task struct {
	Seq  int    `json:"seq"`
	Text string `json:"text"`
}

// NewTask returns the task with this number.
func NewTask(seq int) Task { return Task{Seq: seq, Text: strings.Repeat("x", 100)} }

// Setup says what a program is to connect to, and how.
type Setup struct {
	Address string // of the server
	Tuned   bool   // the documented low-latency settings instead of the defaults
	Workers int    // how many tasks may run at once; 0 for a producer
}

// Producer enqueues.
type Producer interface {
	// Reset brings the server to the state of a new installation.
	Reset(ctx context.Context) error
	// Enqueue returns when the server has acknowledged the task.
	Enqueue(ctx context.Context, t Task) error
	// EnqueueBulk enqueues many by one call, or returns errors.ErrUnsupported.
	EnqueueBulk(ctx context.Context, tasks []Task) error
	// EnqueueAt enqueues each to start at its own instant.
	EnqueueAt(ctx context.Context, tasks []Task, at []time.Time) error
}

// Worker runs tasks.
type Worker interface {
	// Start begins to work and calls handle at the start of each task.
	Start(ctx context.Context, handle func(seq int)) error
	// Unfinished asks the server how many tasks it does not hold for done.
	Unfinished(ctx context.Context) (int, error)
	// Stop ends the work and gives up the worker's place.
	Stop(ctx context.Context) error
}

// Main runs the program: `program producer|worker address tuned|default workers`.
// It returns the exit code.
func Main(args []string, producer func(context.Context, Setup) (Producer, error), worker func(context.Context, Setup) (Worker, error)) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	role, setup, err := parse(args)
	var answer func(context.Context, command) (reply, error)
	end := func(context.Context) error { return nil }
	switch {
	case err != nil:
	case role == "producer":
		var p Producer
		p, err = producer(ctx, setup)
		answer = (&offering{producer: p}).answer
	default:
		var w Worker
		w, err = worker(ctx, setup)
		answer, end = (&working{worker: w}).answer, func(ctx context.Context) error { return w.Stop(ctx) }
	}
	if err == nil {
		err = errors.Join(converse(ctx, os.Stdin, os.Stdout, answer), end(ctx))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func parse(args []string) (role string, s Setup, err error) {
	if len(args) != 4 || (args[0] != "producer" && args[0] != "worker") {
		return "", Setup{}, errors.New("usage: producer|worker address tuned|default workers")
	}
	workers, err := strconv.Atoi(args[3])
	return args[0], Setup{Address: args[1], Tuned: args[2] == "tuned", Workers: workers}, err
}

// command is what the benchmark asks for.
type command struct {
	Do      string `json:"do"`
	N       int    `json:"n"`
	Callers int    `json:"callers"`  // enqueue: how many call at once; 0 for bulk
	LeadUS  int64  `json:"lead_us"`  // offer, delay: from now to the first
	EveryUS int64  `json:"every_us"` // offer, delay: from one to the next
}

// reply is what the program answers.
type reply struct {
	Error       string  `json:"error,omitempty"`
	Unsupported bool    `json:"unsupported,omitempty"`
	Began       int64   `json:"began,omitempty"`
	Ended       int64   `json:"ended,omitempty"`
	Seqs        []int   `json:"seqs,omitempty"`     // worker: in the order of their starts
	Instants    []int64 `json:"instants,omitempty"` // worker: the starts; producer: intended or due, by number
	Called      []int64 `json:"called,omitempty"`   // producer: when the call was made, by number
}

// converse says that the program is ready and then answers until the input ends.
func converse(ctx context.Context, in io.Reader, out io.Writer, answer func(context.Context, command) (reply, error)) error {
	w := bufio.NewWriter(out)
	enc, dec := json.NewEncoder(w), json.NewDecoder(in)
	say := func(r reply) error { return errors.Join(enc.Encode(r), w.Flush()) }
	if err := say(reply{}); err != nil {
		return err
	}
	for {
		var c command
		if err := dec.Decode(&c); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r, err := answer(ctx, c)
		if err != nil {
			r = reply{Error: err.Error(), Unsupported: errors.Is(err, errors.ErrUnsupported)}
		}
		if err := say(r); err != nil {
			return err
		}
	}
}

func now() int64 { return time.Now().UnixMicro() }
