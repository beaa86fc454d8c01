package mongod

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Options say what kind of server to start. The zero value is a one-node
// replica set without access control.
type Options struct {
	// Members is the number of nodes: 1 (also when 0) or 3.
	Members int
	// User and Password, if set, switch access control on. The user gets the
	// role root in the database admin.
	User, Password string
	// OplogSizeMB bounds each node's oplog, in megabytes; 0 means 1024.
	OplogSizeMB int
	// Port is where the first node listens; 0 means any free port.
	Port int
	// Standalone starts a node that is in no replica set, as found on
	// machines where change streams cannot work.
	Standalone bool
	// Arbiter makes the last of three members one that votes and has no data.
	Arbiter bool
	// Dir is the folder that the nodes' directories are made in, such as one on
	// a small file system that is to be filled. Default: that for temporary files.
	Dir string
	// Hosts are the members' IP addresses. Default: 127.0.0.1 for each.
	Hosts []string
	// Enter are, for each member, the first words of a command that runs the rest
	// of its arguments in its own place, such as ip netns exec NAME. Default: none.
	Enter [][]string
	// Args are further arguments of mongod.
	Args []string
}

// setName is the name of every replica set started here.
const setName = "rs0"

// Server is a running MongoDB server, one node or three.
type Server struct {
	opts  Options
	path  string
	dir   string // of all nodes; its children are the nodes' directories
	nodes []*node
	key   string // shared secret of the nodes, if there is access control
}

// live holds every server that was started and not stopped. Without it, a
// server of which the owner keeps only the URI would be collected as garbage,
// which closes the pipe that keeps it alive.
var live sync.Map // *Server → nil

// Start finds mongod (see [Find]), starts it as opts say, and returns when it
// accepts writes. The context bounds the start only: the server then lives
// until [Server.Stop] or the end of this process, however that comes.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	path, err := Find(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(opts.Dir, "lgtask-mongod-")
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, path: path, dir: dir}
	live.Store(s, nil)
	if opts.User != "" {
		s.key = rand.Text() + rand.Text()
	}
	if err := s.boot(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return s, nil
}

func (o *Options) check() error {
	if !supported {
		return errors.New("mongod: servers can be started on Linux and macOS only; set LGTASK_TEST_DATABASE to the URI of a replica set")
	}
	if o.Members == 0 {
		o.Members = 1
	}
	switch {
	case o.Members != 1 && o.Members != 3:
		return fmt.Errorf("mongod: %d members asked for; choose 1 or 3", o.Members)
	case o.Standalone && o.Members != 1:
		return errors.New("mongod: a stand-alone server has one member; drop Standalone or Members")
	case o.Arbiter && o.Members != 3:
		return errors.New("mongod: a set with an arbiter has three members; drop Arbiter, or set Members to 3")
	case o.Hosts != nil && len(o.Hosts) != o.Members, o.Enter != nil && len(o.Enter) != o.Members:
		return fmt.Errorf("mongod: %d Hosts and %d Enter for %d members; give one for each member, or none", len(o.Hosts), len(o.Enter), o.Members)
	case (o.User == "") != (o.Password == ""):
		return errors.New("mongod: User and Password go together; set both or none")
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("mongod: port %d; choose one from 1 to 65535, or 0 for a free one", o.Port)
	case o.OplogSizeMB < 0:
		return fmt.Errorf("mongod: an oplog of %d MB; choose a positive size, or 0 for the default", o.OplogSizeMB)
	}
	if o.OplogSizeMB == 0 {
		o.OplogSizeMB = 1024
	}
	return nil
}

// boot starts every node and makes them one set.
func (s *Server) boot(ctx context.Context) error {
	for i := range s.opts.Members {
		n, err := s.firstStart(ctx, i)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, n)
	}
	for _, n := range s.nodes {
		if err := n.listening(ctx); err != nil {
			return err
		}
	}
	return s.initiate(ctx)
}

// firstStart launches a node in a new directory and on a free port.
func (s *Server) firstStart(ctx context.Context, member int) (*node, error) {
	dir := filepath.Join(s.dir, "node"+strconv.Itoa(member))
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, err
	}
	if s.key != "" {
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(s.key), 0o600); err != nil {
			return nil, err
		}
	}
	port := s.opts.Port
	if port == 0 || len(s.nodes) > 0 {
		var err error
		if port, err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	n := &node{dir: dir, host: s.host(member), port: port}
	if err := n.launch(s.command(member, n)); err != nil {
		return nil, err
	}
	return n, nil
}

func (s *Server) host(member int) string {
	if s.opts.Hosts == nil {
		return "127.0.0.1"
	}
	return s.opts.Hosts[member]
}

// command is what a member runs: mongod and its arguments. It holds no secret.
func (s *Server) command(member int, n *node) []string {
	var args []string
	if s.opts.Enter != nil {
		args = slices.Clone(s.opts.Enter[member])
	}
	dir := n.dir
	args = append(args, s.path,
		"--dbpath", filepath.Join(dir, "data"),
		"--logpath", filepath.Join(dir, "log"), "--logappend",
		"--port", strconv.Itoa(n.port), "--bind_ip", n.host, "--nounixsocket",
		"--wiredTigerCacheSizeGB", "0.5",
		"--networkMessageCompressors", "snappy,zstd",
		"--setParameter", "enableTestCommands=1",
		"--setParameter", "diagnosticDataCollectionEnabled=false",
	)
	if !s.opts.Standalone {
		args = append(args, "--replSet", setName, "--oplogSize", strconv.Itoa(s.opts.OplogSizeMB))
	}
	switch {
	case s.key != "" && s.opts.Standalone:
		args = append(args, "--auth")
	case s.key != "":
		args = append(args, "--keyFile", filepath.Join(dir, "key"))
	}
	return append(args, s.opts.Args...)
}

// freePort returns a loopback port that nobody listens on. It stays below the
// range from which systems take the ports of outgoing connections, so that a
// node finds its port free again after [Server.Restart].
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	var err error
	for range 100 {
		port := 20000 + mathrand.IntN(12000)
		var l net.Listener
		l, err = lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// URI returns the connection string of the whole server, with the credentials
// if it has any. It names no database.
func (s *Server) URI() string {
	hosts := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		hosts[i] = n.addr()
	}
	u := url.URL{Scheme: "mongodb", Host: strings.Join(hosts, ","), Path: "/"}
	q := url.Values{}
	if !s.opts.Standalone {
		q.Set("replicaSet", setName)
	}
	if s.opts.User != "" {
		u.User = url.UserPassword(s.opts.User, s.opts.Password)
		q.Set("authSource", "admin")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Address is where a member, counted from 0, listens: host:port.
func (s *Server) Address(member int) string { return s.nodes[member].addr() }
