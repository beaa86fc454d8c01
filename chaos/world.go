//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// The size of the world: of two cores most are left to the servers.
const (
	members    = 3 // of the set
	workers    = 4
	processors = 5 // of each
	producers  = 3
)

// world is a run of it.
type world struct {
	settings
	server *mongod.Server
	hosts  hosts
	dir    string // of the workers' locks and logs
	uri    string
	conn   *lgtask.Connection
	crew   []*crewman
	began  time.Time
	report report

	mu    sync.Mutex
	acked map[lgtask.TaskID]bool // whose enqueue was acknowledged
	last  time.Time              // when the last was
}

func newWorld(ctx context.Context, server *mongod.Server, h hosts, s settings) (*world, error) {
	dir, err := os.MkdirTemp("", "lgtask-chaos-")
	if err != nil {
		return nil, err
	}
	w := &world{settings: s, server: server, hosts: h, dir: dir, acked: map[lgtask.TaskID]bool{}, began: time.Now()}
	w.uri, err = withDatabase(server.URI(), "chaos")
	if err != nil {
		return nil, err
	}
	w.conn, err = lgtask.Connect(ctx, w.uri)
	if err != nil {
		return nil, err
	}
	for i := range workers {
		c := &crewman{w: w, name: fmt.Sprintf("w%d", i+1)}
		if h.workers != nil {
			c.host = h.workers[i]
		}
		if err := c.start(); err != nil {
			return nil, err
		}
		w.crew = append(w.crew, c)
	}
	return w, nil
}

// play enqueues and does damage for the time that was set, heals everything, and
// waits until all that was acknowledged has ended.
func (w *world) play(ctx context.Context) error {
	playing, stop := context.WithTimeout(ctx, w.time)
	defer stop()
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() { w.produce(playing, rand.New(rand.NewPCG(w.seed, uint64(i)))) })
	}
	wg.Go(func() { w.tend(playing) })
	err := w.torment(playing, rand.New(rand.NewPCG(w.seed, 1000)))
	<-playing.Done()
	wg.Wait()
	if err == nil && ctx.Err() == nil {
		err = w.heal(ctx)
	}
	if err != nil {
		return err
	}
	return errors.Join(ctx.Err(), w.settle(ctx))
}

// say prints what happens, with the time since the beginning.
func (w *world) say(format string, args ...any) {
	fmt.Printf("%6.1fs  %s\n", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// dismiss stops the workers.
func (w *world) dismiss() {
	for _, c := range w.crew {
		c.end()
	}
}

// close removes what is left.
func (w *world) close() {
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.conn.Close(closing); err != nil {
		w.say("closing the connection: %v", err)
	}
	if err := os.RemoveAll(w.dir); err != nil {
		w.say("%v", err)
	}
}
