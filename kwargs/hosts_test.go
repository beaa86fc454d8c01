package kwargs

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/mongouri"
)

func TestJudge(t *testing.T) {
	r, err := newHostRules(nil, []string{"plain", "plain:2", "[::1]:3", "mongodb://u:p@full1,full2/db", "mongodb+srv://u:p@cluster.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	own, err := mongouri.Parse("mongodb://o:p@own1,own2:5/tasks?replicaSet=r")
	if err != nil {
		t.Fatal(err)
	}
	r.setOwn(own)
	for _, c := range []struct {
		address, refused string // refused: the host in the error
		own              bool
		user             string // of the base; "-": no base
	}{
		{"mongodb://own1/x", "", true, "o"},
		{"mongodb://OWN1.:27017,own2:5/x", "", true, "o"},
		{"mongodb://own2/x", "own2:27017", false, "-"},
		{"mongodb://own1:1/x", "own1:1", false, "-"},
		{"mongodb://plain/x", "", false, "-"},
		{"mongodb://plain:2,plain/x", "", false, "-"},
		{"mongodb://plain:3/x", "plain:3", false, "-"},
		{"mongodb://[0:0:0:0:0:0:0:1]:3/x", "", false, "-"},
		{"mongodb://full2/x", "", false, "u"},
		{"mongodb://full1,full2/x", "", false, "u"},
		{"mongodb://full1,own1/x", "", false, "-"},
		{"mongodb://full1,plain/x", "", false, "-"},
		{"mongodb://full1,evil/x", "evil:27017", false, "-"},
		{"mongodb://cluster.example.net/x", "cluster.example.net:27017", false, "-"},
		{"mongodb+srv://cluster.example.net/x", "", false, "u"},
		{"mongodb+srv://other.example.net/x", "other.example.net", false, "-"},
		{"mongodb+srv://plain.plain.plain/x", "plain.plain.plain", false, "-"},
		{"mongodb://%2Ftmp%2Fmongodb-27017.sock/x", "/tmp/mongodb-27017.sock", false, "-"},
	} {
		u, err := mongouri.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.judge(t.Context(), u)
		var he *HostError
		if errors.As(err, &he) != (c.refused != "") || he != nil && (he.Host != c.refused || !strings.Contains(he.Error(), SettingHosts)) {
			t.Errorf("%s: error %v, want refusal of %q", c.address, err, c.refused)
		}
		user := "-"
		if got.base != nil {
			user, _, _ = got.base.User()
		}
		if got.own != c.own || user != c.user {
			t.Errorf("%s: own %v, credentials of %q", c.address, got.own, user)
		}
	}
	for host, want := range map[string]bool{
		"own1:27017": true, "plain:2": true, "full2:27017": true, "shard-00.example.net:27017": true, "a.b.example.net:1": true,
		"example.net:1": false, "evilexample.net:1": false, "evil:27017": false, "plain:9": false, "shard.example.net": false,
	} {
		if got := r.mayDial(t.Context(), host); got != want {
			t.Errorf("mayDial(%s) = %v", host, got)
		}
	}
}

func TestOwnSRV(t *testing.T) {
	r, err := newHostRules(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := mongouri.Parse("mongodb+srv://u:p@cluster.abc.example.net/tasks")
	if err != nil {
		t.Fatal(err)
	}
	r.setOwn(own)
	for address, want := range map[string]bool{
		"mongodb+srv://cluster.abc.example.net/x": true, "mongodb://s0.abc.example.net,s1.abc.example.net/x": true,
		"mongodb://s0.example.net/x": false, "mongodb+srv://other.abc.example.net/x": false,
	} {
		u, err := mongouri.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.judge(t.Context(), u); got.own != want {
			t.Errorf("%s: own %v", address, got.own)
		}
	}
}

func TestRefuseIP(t *testing.T) {
	for text, refused := range map[string]bool{
		"169.254.169.254": true, "169.254.0.1": true, "::ffff:169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "febf::1": true,
		"64:ff9b::a9fe:a9fe": true, "fd00:ec2::254": true, "168.63.129.16": true, "100.100.100.200": true, "0.0.0.0": true, "::": true,
		"224.0.0.1": true, "ff02::1": true, "255.255.255.255": true, "127.0.0.1": true, "::1": true, "::ffff:127.9.9.9": true, "64:ff9b::7f00:1": true,
		"10.0.0.1": false, "192.168.1.1": false, "8.8.8.8": false, "2001:db8::1": false, "fd00::1": false, "64:ff9b::808:808": false, "100.64.0.1": false,
	} {
		if reason := refuseIP(netip.MustParseAddr(text), false); (reason != "") != refused {
			t.Errorf("%s: %q", text, reason)
		}
	}
	if reason := refuseIP(netip.MustParseAddr("127.0.0.1"), true); reason != "" {
		t.Error(reason)
	}
	if reason := refuseIP(netip.MustParseAddr("::ffff:169.254.1.1"), true); reason == "" {
		t.Error("link-local is allowed with loopback")
	}
}

func TestDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	r, err := newHostRules(nil, []string{"localhost:" + port, "169.254.169.254:80", "[fe80::1]:80"})
	if err != nil {
		t.Fatal(err)
	}
	d := guardedDialer{rules: r, timeout: connectTimeout}
	conn, err := d.DialContext(t.Context(), "tcp", "localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for address, setting := range map[string]string{
		"127.0.0.1:" + port: SettingHosts, "evil:27017": SettingHosts, "169.254.169.254:80": "", "[fe80::1]:80": "", "a b:1": "",
	} {
		_, err := d.DialContext(t.Context(), "tcp", address)
		var he *HostError
		if !errors.As(err, &he) || he.Setting != setting {
			t.Errorf("%s: error %v", address, err)
		}
	}
	if _, err := d.DialContext(t.Context(), "unix", "/tmp/mongodb-1.sock"); err == nil || !strings.Contains(err.Error(), SettingHosts) {
		t.Errorf("unix socket: error %v", err)
	}
}

func TestLoopbackRule(t *testing.T) {
	for _, c := range []struct {
		own, host string
		want      bool
	}{
		{"", "localhost:1", true}, {"", "127.1.2.3:1", true}, {"", "[::1]:1", true}, {"", "name:1", false}, {"", "/x.sock", true},
		{"mongodb://remote/", "name:1", false}, {"mongodb://localhost/", "name:1", true}, {"mongodb://name:1/", "name:1", true},
		{"mongodb://name:1/", "name:2", false},
	} {
		r, err := newHostRules(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.own != "" {
			u, err := mongouri.Parse(c.own)
			if err != nil {
				t.Fatal(err)
			}
			r.setOwn(u)
		}
		if got := r.loopbackAllowed(t.Context(), c.host); got != c.want {
			t.Errorf("own %q, host %q: %v", c.own, c.host, got)
		}
	}
}

// TestServerNamesAnotherHost lists a server under a name that its replica set
// does not use: the driver then turns to the name the server gives, which is
// refused until it is listed too.
func TestServerNamesAnotherHost(t *testing.T) {
	other := locked(t)
	u, err := mongouri.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	named := u.Hosts()[0]
	_, port, _ := net.SplitHostPort(named)
	listed := strings.Replace(u.Driver(), named, "localhost:"+port, 1)
	address := "mongodb://localhost:" + port + "/kw/c?serverSelectionTimeoutMS=2000"

	b := newTestBinder(t, Options{Hosts: []string{listed}})
	var h handles
	decode(t, b, doc(t, "coll", address), &h)
	_, err = h.Coll.InsertOne(context.Background(), bson.D{})
	if err == nil || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), SettingHosts) {
		t.Errorf("error %v, want one that names %s", err, named)
	}
	noSecret(t, err)

	b = newTestBinder(t, Options{Hosts: []string{listed, named}})
	decode(t, b, doc(t, "coll", address), &h)
	works(t, h.Coll)
}
