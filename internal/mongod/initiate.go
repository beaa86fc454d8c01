package mongod

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// pace is the pause between two looks at a server that is not ready yet.
const pace = 10 * time.Millisecond

func (n *node) addr() string { return net.JoinHostPort(n.host, strconv.Itoa(n.port)) }

// listening returns when the node accepts connections.
func (n *node) listening(ctx context.Context) error {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", n.addr())
		if err == nil {
			_ = conn.Close()
			return nil
		}
		if n.exited(pace) {
			return fmt.Errorf("mongod on %s ended: %s", n.addr(), n.report())
		}
		if ctx.Err() != nil {
			return fmt.Errorf("mongod on %s does not accept connections yet: %w", n.addr(), context.Cause(ctx))
		}
	}
}

// direct runs f with a client of this node alone, without credentials.
func (n *node) direct(ctx context.Context, f func(admin *mongo.Database) error) error {
	c, err := mongo.Connect(options.Client().SetHosts([]string{n.addr()}).SetDirect(true).
		SetServerSelectionTimeout(2 * time.Second))
	if err != nil {
		return err
	}
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	return f(c.Database("admin"))
}

// initiate makes the nodes one replica set and returns when it accepts writes
// and, if it has access control, knows the user.
func (s *Server) initiate(ctx context.Context) error {
	first := s.nodes[0]
	if !s.opts.Standalone {
		err := first.direct(ctx, func(admin *mongo.Database) error {
			return admin.RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: s.config()}}).Err()
		})
		if err != nil {
			return fmt.Errorf("initiate the replica set: %w", err)
		}
	}
	if _, err := s.Primary(ctx); err != nil {
		return err
	}
	if s.opts.User != "" {
		// The localhost exception lets the first user be created unasked.
		if _, err := s.primary(ctx, s.createUser); err != nil {
			return fmt.Errorf("create the user %q: %w", s.opts.User, err)
		}
	}
	return s.CaughtUp(ctx)
}

// config is the replica set's configuration. Elections are quicker than
// MongoDB's default of 10 s, because all nodes share one machine.
func (s *Server) config() bson.D {
	var members bson.A
	for i, n := range s.nodes {
		m := bson.D{{Key: "_id", Value: i}, {Key: "host", Value: n.addr()}}
		if s.opts.Arbiter && i == len(s.nodes)-1 {
			m = append(m, bson.E{Key: "arbiterOnly", Value: true})
		}
		members = append(members, m)
	}
	return bson.D{
		{Key: "_id", Value: setName},
		{Key: "members", Value: members},
		{Key: "settings", Value: bson.D{
			{Key: "electionTimeoutMillis", Value: 2000},
			{Key: "heartbeatIntervalMillis", Value: 500},
		}},
	}
}

func (s *Server) createUser(ctx context.Context, admin *mongo.Database) error {
	return admin.RunCommand(ctx, bson.D{
		{Key: "createUser", Value: s.opts.User},
		{Key: "pwd", Value: s.opts.Password},
		{Key: "roles", Value: bson.A{"root"}},
	}).Err()
}

// errNoPrimary is returned by primary when no node accepts writes.
var errNoPrimary = errors.New("no node accepts writes")

// primary runs f on the node that accepts writes and returns its number.
func (s *Server) primary(ctx context.Context, f func(context.Context, *mongo.Database) error) (int, error) {
	var errs []error
	for i, n := range s.nodes {
		if n.exited(0) {
			continue
		}
		found := false
		err := n.direct(ctx, func(admin *mongo.Database) error {
			var hello struct {
				IsWritablePrimary bool `bson:"isWritablePrimary"`
			}
			err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
			if err != nil || !hello.IsWritablePrimary {
				return err
			}
			found = true
			return f(ctx, admin)
		})
		if found {
			return i, err
		}
		errs = append(errs, err) // perhaps frozen; another may be the primary
	}
	return 0, errors.Join(append(errs, errNoPrimary)...)
}

// CaughtUp returns when every member of a set counts for a majority: after a
// [Server.Restart] that takes a while. All members must run.
func (s *Server) CaughtUp(ctx context.Context) error {
	if s.opts.Standalone || s.opts.Members == 1 {
		return nil
	}
	c, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	if err != nil {
		return err
	}
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	return until(ctx, func() error {
		var status struct {
			Members []struct {
				StateStr string `bson:"stateStr"`
			} `bson:"members"`
		}
		err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetGetStatus", Value: 1}}).Decode(&status)
		for i, m := range status.Members {
			if !slices.Contains([]string{"PRIMARY", "SECONDARY", "ARBITER"}, m.StateStr) {
				return fmt.Errorf("member %d is in state %s", i, m.StateStr)
			}
		}
		return err
	})
}

// until calls f until it returns nil. When ctx ends, it returns f's last error.
func until(ctx context.Context, f func() error) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
