//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// hosts are where servers and workers run, each with an address of its own. Without a
// network of namespaces, all is on this machine, and nobody can be cut off.
type hosts struct {
	members, workers []*netlab.Host // empty without a network
}

// newHosts makes the network, if there is one: see netlab.Enter.
func newHosts(ctx context.Context, separate bool) (h hosts, err error) {
	if !separate {
		return h, nil
	}
	lab, err := netlab.New(ctx)
	if err != nil {
		return h, err
	}
	for i := range members {
		m, err := lab.Add(ctx, fmt.Sprintf("m%d", i))
		if err != nil {
			return h, err
		}
		h.members = append(h.members, m)
	}
	for i := range workers {
		c, err := lab.Add(ctx, fmt.Sprintf("w%d", i+1))
		if err != nil {
			return h, err
		}
		h.workers = append(h.workers, c)
	}
	return h, nil
}

// options are those of a server with a member on each host.
func (h hosts) options() mongod.Options {
	o := mongod.Options{Members: members}
	for _, m := range h.members {
		o.Hosts, o.Enter = append(o.Hosts, m.IP()), append(o.Enter, m.Enter())
	}
	return o
}

// heal undoes all cuts.
func (h hosts) heal(ctx context.Context) error {
	var errs []error
	for _, host := range slices.Concat(h.members, h.workers) {
		errs = append(errs, host.Heal(ctx))
	}
	return errors.Join(errs...)
}

// cutOff cuts a worker off from all servers for a while.
func (w *world) cutOff(ctx context.Context, r *rand.Rand, d time.Duration) error {
	host, way := w.any(r).host, netlab.Way(r.IntN(2))
	if err := host.Cut(ctx, way, w.hosts.members...); err != nil {
		return err
	}
	_ = wait(ctx, d)
	return host.Heal(ctx)
}

// isolate cuts the primary off from the other members, and, half the time, from the
// workers. Those who enqueue see it all the time, and the new one.
func (w *world) isolate(ctx context.Context, r *rand.Rand) error {
	way, alone, d := netlab.Way(r.IntN(2)), r.IntN(2) == 0, time.Duration(5+r.IntN(20))*time.Second
	n, err := w.server.Primary(ctx)
	if err != nil {
		return err
	}
	primary := w.hosts.members[n]
	from := slices.Delete(slices.Clone(w.hosts.members), n, n+1)
	if alone {
		from = append(from, w.hosts.workers...)
	}
	if err := primary.Cut(ctx, way, from...); err != nil {
		return err
	}
	w.watchResume()
	_ = wait(ctx, d)
	return primary.Heal(ctx)
}
