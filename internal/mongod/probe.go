package mongod

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// probeTimeout bounds each step of looking at a server that was named.
const probeTimeout = 5 * time.Second

// probe returns nil if the server at uri can serve tests, else one line that
// says what to do. It never repeats the URI, which may hold a password.
func probe(ctx context.Context, uri string) error {
	opts := options.Client().ApplyURI(uri).SetServerSelectionTimeout(probeTimeout)
	if opts.Validate() != nil {
		return fmt.Errorf("mongod: %s is not a MongoDB connection string; it looks like mongodb://127.0.0.1:27017/?replicaSet=rs0", EnvTestDatabase)
	}
	if err := probeKind(ctx, opts.Hosts); err != nil {
		return err
	}
	c, err := mongo.Connect(opts)
	if err != nil {
		return fmt.Errorf("mongod: connect to the server in %s: %w", EnvTestDatabase, err)
	}
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := c.Ping(ctx, nil); err != nil {
		return fmt.Errorf("mongod: the server in %s (%s) does not serve: %w", EnvTestDatabase, strings.Join(opts.Hosts, ","), err)
	}
	return nil
}

// probeKind asks the first host that answers whether it is in a replica set.
// It asks each host by itself, because a client of a whole set waits in vain
// for a set that was never initiated.
func probeKind(ctx context.Context, hosts []string) error {
	for _, host := range hosts {
		kind, err := hello(ctx, host)
		switch {
		case err != nil: // the ping will say so, if no other host answers
			continue
		case kind.SetName != "" || kind.Msg == "isdbgrid":
			return nil
		case kind.IsReplicaSet:
			return fmt.Errorf("mongod: the replica set of %s in %s was never initiated; run once: mongosh --host %s --eval 'rs.initiate()'", host, EnvTestDatabase, host)
		default:
			return fmt.Errorf("mongod: %s in %s is a stand-alone server, which has no change streams; restart it with: mongod --replSet rs0 (other options as before), then run once: mongosh --host %s --eval 'rs.initiate()'", host, EnvTestDatabase, host)
		}
	}
	return nil
}

// helloReply is what a node says about itself.
type helloReply struct {
	SetName      string `bson:"setName"`
	IsReplicaSet bool   `bson:"isreplicaset"` // started with --replSet, not initiated
	Msg          string `bson:"msg"`          // "isdbgrid" for a mongos
}

func hello(ctx context.Context, host string) (reply helloReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c, err := mongo.Connect(options.Client().SetHosts([]string{host}).SetDirect(true))
	if err != nil {
		return reply, err
	}
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	err = c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&reply)
	return reply, err
}
