package mongouri

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxHosts is the number of members a replica set can have.
const maxHosts = 50

const defaultPort = 27017

// host is one server: a name or IP address with a port, or a unix socket. The
// port of a mongodb+srv name is 0.
type host struct {
	name string // lower case, without brackets; a path keeps its case
	port int
	unix bool
}

// canonical is the form in which hosts are compared.
func (h host) canonical() string {
	name := h.name
	if !h.unix {
		name = strings.TrimSuffix(name, ".")
	}
	return host{name, h.port, h.unix}.text()
}

// text is the unescaped form, always with the port: a bare name that ends in
// "sock" would be a unix socket to the driver.
func (h host) text() string {
	switch {
	case h.unix, h.port == 0:
		return h.name
	case strings.Contains(h.name, ":"):
		return "[" + h.name + "]:" + strconv.Itoa(h.port)
	default:
		return h.name + ":" + strconv.Itoa(h.port)
	}
}

// escaped is the form for an address.
func (h host) escaped() string {
	return strings.NewReplacer("%", "%25", "/", "%2F", "@", "%40", ",", "%2C", "?", "%3F",
		"#", "%23", " ", "%20", "+", "%2B").Replace(h.text())
}

func parseHosts(text string, srv bool) ([]host, error) {
	if text == "" {
		return nil, refuse("no host", "write mongodb://host or mongodb://host:port")
	}
	parts := strings.Split(text, ",")
	if srv && len(parts) > 1 {
		return nil, refuse("mongodb+srv takes one name", "leave one name, or use mongodb:// with the list of hosts")
	}
	if len(parts) > maxHosts {
		return nil, refuse(fmt.Sprintf("%d hosts", len(parts)),
			fmt.Sprintf("name at most %d; a few members of the replica set are enough, the driver finds the others", maxHosts))
	}
	var out []host
	seen := map[string]bool{}
	for i, part := range parts {
		h, err := parseHost(part, fmt.Sprintf("host %d of %d", i+1, len(parts)), srv)
		if err != nil {
			return nil, err
		}
		if key := h.canonical(); !seen[key] {
			seen[key] = true
			out = append(out, h)
		}
	}
	return out, nil
}

// parseHost reads one host; where says which in messages.
func parseHost(text, where string, srv bool) (host, error) {
	raw, err := url.PathUnescape(text)
	if err != nil {
		return host{}, refuse(where+" is not well escaped", "write %25 for a per cent sign")
	}
	if raw == "" {
		return host{}, refuse(where+" is empty", "remove the comma or name the host")
	}
	if strings.HasPrefix(raw, "/") {
		return parseSocket(raw, where, srv)
	}
	name, port, hasPort, err := splitPort(raw, where)
	if err != nil {
		return host{}, err
	}
	if srv {
		if hasPort || strings.Contains(name, ":") {
			return host{}, refuse("mongodb+srv takes no port", "remove it; the ports come from DNS")
		}
		if ip, err := netip.ParseAddr(name); err == nil && ip.IsValid() {
			return host{}, refuse("mongodb+srv takes a name, not an IP address", "use mongodb:// with an IP address")
		}
		return host{name: name}, nil
	}
	return host{name: name, port: port}, nil
}

func parseSocket(path, where string, srv bool) (host, error) {
	// The driver knows a socket by the end of its name only.
	if srv || !strings.HasSuffix(path, ".sock") || strings.ContainsAny(path, "\x00\r\n") {
		return host{}, refuse(where+" is not the path of a unix socket",
			"write its whole path, which ends in .sock, with %2F for each slash, as in mongodb://%2Ftmp%2Fmongodb-27017.sock")
	}
	return host{name: path, unix: true}, nil
}

// splitPort returns the checked name, without brackets, and the port.
func splitPort(raw, where string) (name string, port int, hasPort bool, err error) {
	portText := ""
	if strings.HasPrefix(raw, "[") {
		end := strings.IndexByte(raw, ']')
		if end < 0 || (end+1 < len(raw) && raw[end+1] != ':') {
			return "", 0, false, refuse(where+" has unbalanced brackets", "write an IPv6 address as [::1]:27017")
		}
		ip, err := netip.ParseAddr(raw[1:end])
		if err != nil || !ip.Is6() {
			return "", 0, false, refuse(where+" is not an IPv6 address", "only IPv6 addresses stand in brackets, as in [::1]:27017")
		}
		name, hasPort = strings.ToLower(ip.String()), end+1 < len(raw)
		if hasPort {
			portText = raw[end+2:]
		}
	} else {
		if strings.Count(raw, ":") > 1 {
			return "", 0, false, refuse(where+" has more than one colon",
				"put an IPv6 address in brackets, as in [::1]:27017; if this is a user and password, an @ must follow them")
		}
		name, portText, hasPort = strings.Cut(raw, ":")
		if !validName(name) {
			return "", 0, false, refuse(where+" is not a host name",
				"use letters, digits, dots, hyphens and underscores; if this is a user and password, an @ must follow them")
		}
		name = strings.ToLower(name)
	}
	if !hasPort {
		return name, defaultPort, false, nil
	}
	port, ok := parsePort(portText)
	if !ok {
		return "", 0, false, refuse("the port of "+where+" is not a number from 1 to 65535",
			"correct it; if this is a user and password, an @ must follow them")
	}
	return name, port, true, nil
}

func parsePort(text string) (int, bool) {
	if len(text) == 0 || len(text) > 5 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= 65535
}

func validName(name string) bool {
	if len(name) > 253 || strings.Trim(name, ".") == "" {
		return false
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		default:
			return false
		}
	}
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "-") && !strings.Contains(name, "..")
}
