package lgtask

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// serverPassword is of users in this file; nothing may show it.
const serverPassword = "hunter2"

// unusable runs the program on a server that cannot be used: it must end within
// 6 s with one line and without the password.
func unusable(t *testing.T, address string, parts ...string) {
	t.Helper()
	r, _, _ := mainRegistry(t)
	began := time.Now()
	wrong(t, r, map[string]string{"LGTASK_DATABASE": address, "LGTASK_LOG_LEVEL": "info"}, nil, append(parts, "cannot use MongoDB: ")...)
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	_, err := Connect(t.Context(), address)
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("Connect returned %v, want ErrUnreachable", err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e.Error()), serverPassword) {
			t.Errorf("an error shows the password: %v", e)
		}
	}
}

// withUser is a server with access control and the user "root".
var withUser = sync.OnceValues(func() (*mongod.Server, error) {
	return mongod.Start(context.Background(), mongod.Options{User: "root", Password: serverPassword})
})

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
	unusable(t, s.URI(), "standalone", "a single node is enough", "--replSet rs0", "rs.initiate()")
	unusable(t, s.URI()+"&replicaSet=rs0", "replicaSet=", "standalone server has to be started with --replSet")
}

func TestUnusableSetNeverInitiated(t *testing.T) {
	t.Parallel()
	host := neverInitiated(t)
	unusable(t, "mongodb://"+host+"/?replicaSet=rs0", host, "not initiated", "rs.initiate()")
	unusable(t, "mongodb://"+host+"/", "not initiated", "rs.initiate()")
	unusable(t, "mongodb://"+host+"/?directConnection=true", "not initiated", "rs.initiate()")
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

func TestUnusableSetName(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	unusable(t, "mongodb://"+hostOf(t, address)+"/db?replicaSet=other", "replicaSet=", "correct that name or leave it out")
}

func TestUnusableTLS(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	host := hostOf(t, address)
	unusable(t, "mongodb://u:"+serverPassword+"@"+host+"/db?tls=true", host, "does not speak TLS", "tls=true")

	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	host = s.Listener.Addr().String()
	unusable(t, "mongodb://u:"+serverPassword+"@"+host+"/db", host, "add tls=true")
	unusable(t, "mongodb://u:"+serverPassword+"@"+host+"/db?tls=true", host, "not trusted", "tlsCAFile=")
}

func TestUnusableUser(t *testing.T) {
	t.Parallel()
	s, err := withUser()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	host := hostOf(t, s.URI())
	const advice = "authSource=… to the address"
	unusable(t, "mongodb://root:"+serverPassword+"x@"+host+"/db?authSource=admin", "password is wrong", advice)
	unusable(t, "mongodb://nobody:"+serverPassword+"@"+host+"/db?authSource=admin", "user name", advice)
	unusable(t, "mongodb://root:"+serverPassword+"@"+host+"/db?authSource=other", "in another database", advice)
	unusable(t, "mongodb://root:"+serverPassword+"@"+host+"/db", "in another database", advice)
}

// TestUnusableRights is about users who may connect and no more.
func TestUnusableRights(t *testing.T) {
	t.Parallel()
	s := startServer(t, mongod.Options{User: "root", Password: serverPassword})
	conn := testConnection(t, s.URI())
	create := bson.D{{Key: "createUser", Value: "reader"}, {Key: "pwd", Value: serverPassword}, {Key: "roles", Value: bson.A{"read"}}}
	if err := conn.Database().RunCommand(t.Context(), create).Err(); err != nil {
		t.Fatal(err)
	}
	host := hostOf(t, s.URI())
	for address, parts := range map[string][]string{
		"mongodb://reader:" + serverPassword + "@" + host + "/lgtask": {"give it the role readWrite on the task database"},
		"mongodb://" + host + "/lgtask":                              {"put user:password@ before the host"},
	} {
		r, _, _ := mainRegistry(t)
		wrong(t, r, map[string]string{"LGTASK_DATABASE": address}, nil, append(parts, "cannot use MongoDB: ")...)
	}
}

func TestUnusableHost(t *testing.T) {
	t.Parallel()
	unusable(t, "mongodb://u:"+serverPassword+"@nobody.invalid/db", "nobody.invalid", "cannot be resolved", "correct the address")
	unusable(t, "mongodb://u:"+serverPassword+"@127.0.0.1:1/db", "nothing listens at 127.0.0.1:1", "start mongod")
}

// TestUnusableSilence is about a host that takes connections and says nothing.
func TestUnusableSilence(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	unusable(t, "mongodb://u:"+serverPassword+"@"+l.Addr().String()+"/db", "did not answer in time", "firewall")
}

func TestUnusableSecondary(t *testing.T) {
	t.Parallel()
	s := startServer(t, mongod.Options{Members: 3})
	primary, err := s.Primary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u, err := mongouri.Parse(s.URI())
	if err != nil {
		t.Fatal(err)
	}
	unusable(t, "mongodb://"+u.Hosts()[(primary+1)%3]+"/db?directConnection=true", "takes no writes", "leave out directConnection")
	for i := range 2 { // now no majority is left
		if err := s.Signal((primary+1+i)%3, os.Kill.(interface{ Signal() }).(sig)); err != nil {
			t.Fatal(err)
		}
	}
}
