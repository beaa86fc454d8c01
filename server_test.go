package lgtask

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks"
)

// serverPassword is of users in this file; nothing may show it.
const serverPassword = "hunter2"

// unusable is an address of a server that cannot be used, and what the error
// must say.
type unusable struct {
	address string
	parts   []string
}

// unusableServers runs the program on each: it must end within 6 s with one line
// and without the password. Connect must fail, too. Most take 5 s, so all run at
// once.
func unusableServers(t *testing.T, cases ...unusable) {
	t.Helper()
	r, _, _ := mainRegistry(t)
	var programs []*running
	var connects []chan error
	for _, c := range cases {
		programs = append(programs, runProgram(t, r, map[string]string{"LGTASK_DATABASE": c.address}))
		connected := make(chan error, 1)
		go func() {
			conn, err := Connect(context.WithoutCancel(t.Context()), c.address)
			if err == nil {
				_ = conn.Close(context.Background())
			}
			connected <- err
		}()
		connects = append(connects, connected)
	}
	for i, c := range cases {
		programs[i].refuses(t, append(c.parts, "cannot use MongoDB: ")...)
		if took := programs[i].took; took > 6*time.Second {
			t.Errorf("%q took %v", c.parts, took)
		}
		err := receive(t, connects[i], "Connect")
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("%q: Connect returned %v, want ErrUnreachable", c.parts, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(fmt.Sprintf("%v %+v", e, e), serverPassword) {
				t.Errorf("an error shows the password: %v", e)
			}
		}
	}
}

func startServer(t *testing.T, o mongod.Options) *mongod.Server {
	t.Helper()
	s, err := mongod.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := mongouri.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Hosts()[0]
}

func TestUnusableStandalone(t *testing.T) {
	t.Parallel()
	s := startServer(t, mongod.Options{Standalone: true, User: "root", Password: serverPassword})
	unusableServers(t,
		unusable{s.URI(), []string{"standalone", "a single node is enough", "--replSet rs0", "rs.initiate()"}},
		unusable{s.URI() + "&replicaSet=rs0", []string{"replicaSet=", "standalone server has to be started with --replSet"}})
}

func TestUnusableSetNeverInitiated(t *testing.T) {
	t.Parallel()
	host := neverInitiated(t)
	unusableServers(t,
		unusable{"mongodb://" + host + "/?replicaSet=rs0", []string{host, "not initiated", "rs.initiate()"}},
		unusable{"mongodb://" + host + "/", []string{"not initiated", "rs.initiate()"}},
		unusable{"mongodb://" + host + "/?directConnection=true", []string{"not initiated", "rs.initiate()"}})
}

// neverInitiated starts a member of a set that nobody has initiated.
func neverInitiated(t *testing.T) (host string) {
	t.Helper()
	path, err := mongod.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// The shell kills the server at the end of its input, so also when the test
	// is killed.
	const leash = `"$@" >/dev/null & read -r x; kill -KILL $!; wait`
	_, port, _ := strings.Cut(host, ":")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", leash, "sh", path, "--replSet", "rs0", "--dbpath", t.TempDir(),
		"--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "16")
	cmd.Cancel = func() error { return nil } // Cleanup does it
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	client, err := mongo.Connect(options.Client().SetHosts([]string{host}).SetDirect(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	ctx, cancel := context.WithTimeout(t.Context(), programTime)
	defer cancel()
	if err := client.Database("admin").RunCommand(ctx, bson.M{"hello": 1}).Err(); err != nil {
		t.Fatal(err)
	}
	return host
}

// proxyTo returns the address of a way to a server that ends with the test. The
// driver does not wait for the connections to a server that it has dropped from
// a set: without it they would outlive the test by seconds.
func proxyTo(t *testing.T, server string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := new(net.Dialer).DialContext(ctx, "tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			both := func() { _, _ = near.Close(), far.Close() }
			context.AfterFunc(ctx, both)
			wg.Go(func() { _, _ = io.Copy(far, near); both() })
			wg.Go(func() { _, _ = io.Copy(near, far); both() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		end()
		wg.Wait()
	})
	return l.Addr().String()
}

// TestUnusableAddress is about addresses that are wrong for the server there.
func TestUnusableAddress(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	host := proxyTo(t, hostOf(t, address))
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	const user = "mongodb://u:" + serverPassword + "@"
	secureHost := secure.Listener.Addr().String()
	unusableServers(t,
		unusable{"mongodb://" + host + "/db?replicaSet=other", []string{"replicaSet=", "correct that name or leave it out"}},
		unusable{user + host + "/db?tls=true", []string{host, "add tls=true to the address, if not, leave it out"}},
		unusable{user + secureHost + "/db", []string{secureHost, "add tls=true"}},
		unusable{user + secureHost + "/db?tls=true", []string{secureHost, "not trusted", "tlsCAFile="}},
		unusable{user + "nobody.invalid/db", []string{"nobody.invalid", "cannot be resolved", "correct the address"}},
		unusable{user + "127.0.0.1:1/db", []string{"nothing listens at 127.0.0.1:1", "start mongod"}},
		unusable{user + silent.Addr().String() + "/db", []string{"answer", "check the address", "firewall"}})
}

func TestUnusableUser(t *testing.T) {
	t.Parallel()
	s := startServer(t, mongod.Options{User: "root", Password: serverPassword})
	host := hostOf(t, s.URI())
	conn := testConnection(t, s.URI())
	create := bson.D{{Key: "createUser", Value: "reader"}, {Key: "pwd", Value: serverPassword}, {Key: "roles", Value: bson.A{"read"}}}
	if err := conn.Database().RunCommand(t.Context(), create).Err(); err != nil {
		t.Fatal(err)
	}
	const advice = "authSource=… to the address"
	for address, parts := range map[string][]string{
		"root:" + serverPassword + "x@" + host + "/db?authSource=admin":  {"password is wrong", advice},
		"nobody:" + serverPassword + "@" + host + "/db?authSource=admin": {"user name", advice},
		"root:" + serverPassword + "@" + host + "/db?authSource=other":   {"in another database", advice},
		"root:" + serverPassword + "@" + host + "/db":                    {"in another database", advice},
		// Users who may connect and no more.
		"reader:" + serverPassword + "@" + host + "/lgtask": {"give it the role readWrite on the task database"},
		host + "/lgtask": {"put user:password@ before the host"},
	} {
		r, _, _ := mainRegistry(t)
		wrong(t, r, map[string]string{"LGTASK_DATABASE": "mongodb://" + address}, nil, append(parts, "cannot use MongoDB: ")...)
	}
}

func TestUnusableMembers(t *testing.T) {
	t.Parallel()
	s := startServer(t, mongod.Options{Members: 3})
	primary, err := s.Primary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hosts, _, _ := strings.Cut(strings.TrimPrefix(s.URI(), "mongodb://"), "/")
	secondary := (primary + 1) % 3
	host := strings.Split(hosts, ",")[secondary]
	unusableServers(t, unusable{"mongodb://" + host + "/db?directConnection=true", []string{"takes no writes", "leave out directConnection"}})
	for i := range 3 { // now no majority is left
		if i != secondary {
			if err := s.Signal(i, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	unusableServers(t, unusable{s.URI(), []string{"no primary", host, "rs.status()"}})
}

// TestConnectText is about what no server at hand does.
func TestConnectText(t *testing.T) {
	address := "mongodb://u:" + serverPassword + "@h/"
	selection := func(servers ...description.Server) error {
		return topology.ServerSelectionError{Desc: description.Topology{Servers: servers}, Wrapped: context.DeadlineExceeded}
	}
	for _, tt := range []struct {
		err   error
		parts []string
	}{
		{errors.New("it is " + address), []string{"check the address", "it is mongodb://xxxxx@h/"}},
		{mongo.CommandError{Code: 8000, Message: "quota"}, []string{"look into its log", "quota"}},
		{mongo.CommandError{Code: 94}, []string{"rs.initiate()"}},
		{mongo.CommandError{Code: 13435}, []string{"takes no writes"}},
		{topology.ServerSelectionError{Desc: description.Topology{CompatibilityErr: errors.New("wire version 6")}}, []string{"older than MongoDB 4.4", "wire version 6"}},
		{selection(description.Server{Addr: "h:1"}), []string{"no server answered", "check the address"}},
		{selection(description.Server{Addr: "h:1", LastError: errors.New("auth error: x")}), []string{"authSource=…"}},
		{selection(description.Server{Addr: "h:1", LastError: syscall.ECONNRESET}), []string{"h:1 closed the connection", "tls=true"}},
		{selection(description.Server{Addr: "h:1"}, description.Server{Addr: "h:2", LastError: errors.New("strange " + address)}),
			[]string{"h:2 cannot be used", "check the address", "strange mongodb://xxxxx@h/"}},
		{selection(description.Server{Addr: "h:1", LastError: x509.UnknownAuthorityError{}}), []string{"not trusted", "tlsCAFile"}},
	} {
		err := startError(tt.err)
		for _, part := range append(tt.parts, "cannot use MongoDB: ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), serverPassword) {
			t.Errorf("%v", err)
		}
	}
	foreign := fmt.Errorf("start: %w", &tasks.ForeignError{Collection: "tasks"})
	if got := startError(foreign); got != foreign {
		t.Errorf("%v became %v", foreign, got)
	}
}

func TestHelloAdvice(t *testing.T) {
	for _, tt := range []struct {
		reply helloReply
		want  string
	}{
		{helloReply{SetName: "rs0", MaxWireVersion: 17}, ""},
		{helloReply{Msg: "isdbgrid", MaxWireVersion: 17}, ""},
		{helloReply{Msg: "isdbgrid", MaxWireVersion: 8}, adviceOld},
		{helloReply{SetName: "rs0", MaxWireVersion: 7}, adviceOld},
		{helloReply{MaxWireVersion: 17}, adviceStandalone},
		{helloReply{IsReplicaSet: true, MaxWireVersion: 17}, adviceInitiate},
	} {
		if got := tt.reply.advice(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.reply, got, tt.want)
		}
	}
}
