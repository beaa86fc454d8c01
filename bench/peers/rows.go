package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// size is how much of each kind of work a round holds.
type size struct {
	tasks   int           // drained, and enqueued by many
	single  int           // enqueued one by one
	idle    int           // offered to an idle worker
	delayed int           // delayed
	steady  time.Duration // for which tasks are offered evenly
}

var (
	full  = size{tasks: 20_000, single: 5_000, idle: 200, delayed: 2_000, steady: 30 * time.Second}
	small = size{tasks: 2_000, single: 500, idle: 40, delayed: 400, steady: 4 * time.Second}
)

const (
	idleEvery    = 50 * time.Millisecond
	delayedEvery = 5 * time.Millisecond // 2,000 over 10 s
	steadyEvery  = 2 * time.Millisecond // 500/s
	lead         = 3 * time.Second      // from the first enqueue to the first delayed task
)

// row is one measurement, the same for all peers.
type row struct {
	name    string
	workers int // how many tasks the worker may run at once; 0: no worker
	rate    bool
	measure func(context.Context, session) (sample, error)
}

// session is a row in one configuration of a peer.
type session struct {
	producer *process
	worker   *process // nil if the row has none
	size     size
}

var rows = []row{
	{name: "drain_100", workers: 100, rate: true, measure: drain},
	{name: "drain_10", workers: 10, rate: true, measure: drain},
	{name: "drain_2000", workers: 2_000, rate: true, measure: drain},
	{name: "idle_latency", workers: 10, measure: idle},
	{name: "delayed_lateness", workers: 100, measure: delayed},
	{name: "steady_500", workers: 10, measure: steady},
	{name: "enqueue_1", rate: true, measure: enqueueOne},
	{name: "enqueue_32", rate: true, measure: enqueueBy(32)},
	{name: "enqueue_bulk", rate: true, measure: enqueueBy(0)},
}

// drain enqueues all tasks, then starts the worker and takes the time from
// that call until the server holds the last task for finished.
func drain(ctx context.Context, s session) (sample, error) {
	n := s.size.tasks
	_, err := s.producer.ask(ctx, command{Do: "enqueue", N: n})
	if errors.Is(err, errUnsupported) {
		_, err = s.producer.ask(ctx, command{Do: "enqueue", N: n, Callers: 32})
	}
	if err != nil {
		return sample{}, err
	}
	if _, err := s.worker.ask(ctx, command{Do: "start"}); err != nil {
		return sample{}, err
	}
	ran, err := s.worker.ask(ctx, command{Do: "await", N: n})
	if err != nil {
		return sample{}, err
	}
	if _, err := starts(n, ran); err != nil {
		return sample{}, err
	}
	return rate(n, ran), nil
}

// idle offers a task every 50 ms and takes the time from the call to the start.
func idle(ctx context.Context, s session) (sample, error) {
	offer := command{Do: "offer", N: s.size.idle, EveryUS: idleEvery.Microseconds()}
	return s.follow(ctx, offer, func(r reply) []int64 { return r.Called })
}

// steady offers tasks evenly, whether or not the peer keeps up, and takes the
// time from the intended instant to the start.
func steady(ctx context.Context, s session) (sample, error) {
	offer := command{Do: "offer", N: int(s.size.steady / steadyEvery), EveryUS: steadyEvery.Microseconds()}
	return s.follow(ctx, offer, func(r reply) []int64 { return r.Instants })
}

// delayed enqueues tasks that are due one after another and takes the time
// from the due instant to the start.
func delayed(ctx context.Context, s session) (sample, error) {
	delay := command{Do: "delay", N: s.size.delayed, LeadUS: lead.Microseconds(), EveryUS: delayedEvery.Microseconds()}
	return s.follow(ctx, delay, func(r reply) []int64 { return r.Instants })
}

// follow starts the worker, lets it run some tasks so that connections are open
// and its parts at work, and then compares the starts with the producer's instants.
func (s session) follow(ctx context.Context, offer command, from func(reply) []int64) (sample, error) {
	if _, err := s.worker.ask(ctx, command{Do: "start"}); err != nil {
		return sample{}, err
	}
	warm := []command{
		{Do: "delay", N: 10, LeadUS: lead.Microseconds()},
		{Do: "offer", N: 100, EveryUS: steadyEvery.Microseconds()},
	}
	for _, c := range warm {
		if _, _, err := s.give(ctx, c); err != nil {
			return sample{}, err
		}
	}
	offered, ran, err := s.give(ctx, offer)
	switch {
	case err != nil:
		return sample{}, err
	case offer.Do == "delay" && offered.Ended > offered.Instants[0]:
		return sample{}, fmt.Errorf("enqueuing took longer than %v, so that tasks were due before they existed", lead)
	}
	return delays(from(offered), ran)
}

// give lets the producer enqueue and waits until the worker has run all of it.
func (s session) give(ctx context.Context, c command) (offered, ran reply, err error) {
	if offered, err = s.producer.ask(ctx, c); err == nil {
		ran, err = s.worker.ask(ctx, command{Do: "await", N: c.N})
	}
	return offered, ran, err
}

func enqueueOne(ctx context.Context, s session) (sample, error) {
	return enqueue(ctx, s, s.size.single, 1)
}

func enqueueBy(callers int) func(context.Context, session) (sample, error) {
	return func(ctx context.Context, s session) (sample, error) { return enqueue(ctx, s, s.size.tasks, callers) }
}

// enqueue takes the time until the last task is acknowledged, after some that
// open the connections.
func enqueue(ctx context.Context, s session, n, callers int) (sample, error) {
	if _, err := s.producer.ask(ctx, command{Do: "enqueue", N: 200, Callers: callers}); err != nil {
		return sample{}, err
	}
	done, err := s.producer.ask(ctx, command{Do: "enqueue", N: n, Callers: callers})
	if err != nil {
		return sample{}, err
	}
	return rate(n, done), nil
}
