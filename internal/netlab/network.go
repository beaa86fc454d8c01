//go:build linux

package netlab

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

const (
	bridge = "lab"
	subnet = "10.99.0." // of no consequence elsewhere: nothing leaves the namespaces
	most   = 250        // hosts
)

// Network is a bridge with the hosts on it. This program is on it too, at the address
// 10.99.0.1. Its methods may be called from any goroutine.
type Network struct {
	mu   sync.Mutex
	last int // address given
}

// New makes the network; once in a program, after [Enter].
func New(ctx context.Context) (*Network, error) {
	n := &Network{last: 1}
	return n, all(ctx,
		"ip link set lo up",
		"ip link add "+bridge+" type bridge",
		"ip addr add "+subnet+"1/24 dev "+bridge,
		"ip link set "+bridge+" up",
	)
}

// Host is a host on the network.
type Host struct {
	name string // of its namespace
	link string // its end of the cable on the bridge
	ip   string
}

// Add makes a host. The name is one that no other has.
func (n *Network) Add(ctx context.Context, name string) (*Host, error) {
	n.mu.Lock()
	n.last++
	number := n.last
	n.mu.Unlock()
	if number > most {
		return nil, fmt.Errorf("host %s: there are no more than %d addresses", name, most)
	}
	h := &Host{name: name, link: fmt.Sprintf("veth%d", number), ip: fmt.Sprint(subnet, number)}
	return h, all(ctx,
		"ip netns add "+name,
		"ip link add "+h.link+" type veth peer name eth0 netns "+name,
		"ip link set "+h.link+" master "+bridge+" up",
		"ip -n "+name+" addr add "+h.ip+"/24 dev eth0",
		"ip -n "+name+" link set eth0 up",
		"ip -n "+name+" link set lo up",
	)
}

// IP is the host's address.
func (h *Host) IP() string { return h.ip }

// Enter returns the first words of a command that runs the rest of its arguments on the
// host, in its own place.
func (h *Host) Enter() []string { return []string{"ip", "netns", "exec", h.name} }

// Cut keeps all packets between this host and others away from both, until
// [Host.Heal] is called on this one.
func (h *Host) Cut(ctx context.Context, way Way, from ...*Host) error {
	if len(from) == 0 {
		return nil
	}
	ips := make([]string, len(from))
	for i, other := range from {
		ips[i] = other.ip
	}
	target := " -j DROP"
	if way == Reject {
		target = " -p tcp -j REJECT --reject-with tcp-reset"
	}
	in := strings.Join(h.Enter(), " ") + " iptables -w -A "
	list := strings.Join(ips, ",")
	return all(ctx, in+"INPUT -s "+list+target, in+"OUTPUT -d "+list+target)
}

// Heal undoes every Cut of this host.
func (h *Host) Heal(ctx context.Context) error {
	return all(ctx, strings.Join(h.Enter(), " ")+" iptables -w -F")
}

// Remove takes the host from the network. What still runs there is without one.
func (h *Host) Remove(ctx context.Context) error {
	return all(ctx, "ip link del "+h.link, "ip netns del "+h.name)
}

// all runs commands, none of whose words has a space, until one fails.
func all(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		words := strings.Fields(c)
		out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(out))
		}
	}
	return nil
}
