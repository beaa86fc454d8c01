package kwargs

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// guardedDialer connects only to hosts that the rules allow, whoever named
// them: the address, DNS, or a server that lists its replica set. What a name
// resolves to is judged at the moment of connecting, so that an answer of DNS
// that changes in between does not get past it.
type guardedDialer struct {
	rules   *hostRules
	timeout time.Duration
}

// DialContext implements the driver's ContextDialer.
func (d guardedDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host := address
	if network != "unix" {
		u, err := mongouri.Parse("mongodb://" + address)
		if err != nil {
			return nil, &HostError{Host: mongouri.Redact(address), Reason: "it is not a valid host"}
		}
		host = u.Hosts()[0]
	}
	if !d.rules.mayDial(ctx, host) {
		return nil, &HostError{Host: host, Setting: SettingHosts, Reason: "a server or DNS named it, and it is not listed"}
	}
	loopback := d.rules.loopbackAllowed(ctx, host)
	dialer := net.Dialer{Timeout: d.timeout, KeepAlive: 30 * time.Second}
	dialer.Control = func(network, address string, _ syscall.RawConn) error {
		if strings.HasPrefix(network, "unix") {
			return nil
		}
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return &HostError{Host: host, Reason: "its IP address is not understood"}
		}
		if reason := refuseIP(at.Addr(), loopback); reason != "" {
			return &HostError{Host: host, Reason: reason}
		}
		return nil
	}
	return dialer.DialContext(ctx, network, address)
}

// loopbackAllowed reports whether a host may resolve to this machine: if it is
// written as such, or if the task database itself is on this machine.
func (r *hostRules) loopbackAllowed(ctx context.Context, host string) bool {
	if own := r.ownURI(); isLoopbackName(host) || own != nil && slices.ContainsFunc(own.Hosts(), isLoopbackName) {
		return true
	}
	isOwn, _ := r.isOwn(ctx, host)
	return isOwn
}

func isLoopbackName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return strings.HasPrefix(host, "/") // a unix socket
	}
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

var (
	// Addresses of services that tell machines their secrets, outside the
	// link-local networks: AWS over IPv6, Azure, Alibaba.
	metadataIPs = []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("100.100.100.200"),
	}
	// The networks of IPv6 addresses that end in an IPv4 address.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// refuseIP says why an IP address is never connected to; empty: it is fine.
func refuseIP(ip netip.Addr, loopbackAllowed bool) string {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast():
		return "it is in a link-local network"
	case ip.IsMulticast() || ip.IsUnspecified() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "it is not the address of one machine"
	case ip.IsLoopback() && !loopbackAllowed:
		return "it resolves to this machine: write localhost if that is meant"
	}
	for _, m := range metadataIPs {
		if ip == m {
			return "it is a metadata service"
		}
	}
	return ""
}
