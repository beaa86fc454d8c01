package kwargs

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/lgtask/lgtask/internal/mongouri"
)

const (
	// membersTTL is how long the task database's own list of its members counts.
	membersTTL = 30 * time.Second
	// membersTimeout bounds the question for it, and membersRetry is how long an
	// answer that did not come is not asked for again.
	membersTimeout = 5 * time.Second
	membersRetry   = 2 * time.Second
)

// hostRules decide which hosts kwargs may name, and with which credentials.
type hostRules struct {
	ownClient *mongo.Client
	listed    []*mongouri.URI // Options.Hosts, each as an address
	full      []bool          // listed[i] was written as a full address

	mu  sync.Mutex
	own *mongouri.URI

	// asking admits one question for the members at a time; the fields below
	// belong to its holder.
	asking     chan struct{}
	members    map[string]bool
	membersErr error     // of the last question, if no answer ever came
	askAgain   time.Time // not before
}

func newHostRules(own *mongo.Client, hosts []string) (*hostRules, error) {
	r := &hostRules{ownClient: own, asking: make(chan struct{}, 1)}
	for i, text := range hosts {
		full := mongouri.Is(text)
		if !full {
			if strings.ContainsAny(text, "@/?,") {
				return nil, fmt.Errorf("entry %d of %s: write host, host:port or a full mongodb:// address", i+1, SettingHosts)
			}
			text = "mongodb://" + text
		}
		u, err := mongouri.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %s: %w", i+1, SettingHosts, err)
		}
		r.listed, r.full = append(r.listed, u), append(r.full, full)
	}
	return r, nil
}

func (r *hostRules) setOwn(u *mongouri.URI) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = u
}

func (r *hostRules) ownURI() *mongouri.URI {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own
}

// trust is what the rules say about an address.
type trust struct {
	own  bool          // all hosts are the task database's
	base *mongouri.URI // whose credentials and options apply; nil: nobody's
}

// judge finds whose hosts an address names. Credentials of the configuration
// apply only if all its hosts belong to the address that carries them: one that
// mixes hosts of two deployments gets nobody's. The error is a *HostError or wraps
// ErrMembersUnknown.
func (r *hostRules) judge(ctx context.Context, u *mongouri.URI) (trust, error) {
	own := r.ownURI()
	if own != nil && own.SRV() == u.SRV() && within(u, own) {
		return trust{own: true, base: own}, nil
	}
	for i, entry := range r.listed {
		if r.full[i] && entry.SRV() == u.SRV() && within(u, entry) {
			return trust{base: entry}, nil
		}
	}
	if u.SRV() {
		return trust{}, &HostError{Host: u.Hosts()[0], Setting: SettingHosts,
			Reason: "a mongodb+srv name is allowed only as a full mongodb+srv:// address"}
	}
	allOwn := own != nil
	for _, h := range u.Hosts() {
		isOwn, err := r.isOwn(ctx, h)
		if listed := r.isListed(h); !isOwn && !listed {
			return trust{}, refuseHost(h, own, err)
		}
		allOwn = allOwn && isOwn
	}
	if allOwn {
		return trust{own: true, base: own}, nil
	}
	return trust{}, nil
}

// refuseHost is a *HostError, unless it is the task database that did not say
// whether the host is one of its members.
func refuseHost(host string, own *mongouri.URI, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w (%q is neither in its address nor in %s): %w", ErrMembersUnknown, host, SettingHosts, mongouri.RedactError(err))
	case own == nil:
		return &HostError{Host: host, Setting: SettingHosts, Reason: "it is not listed, and the task database's address is not known"}
	}
	return &HostError{Host: host, Setting: SettingHosts, Reason: "it is not one of the task database's hosts, nor listed"}
}

// within reports whether every host of u is one of v.
func within(u, v *mongouri.URI) bool {
	for _, h := range u.Hosts() {
		if !slices.Contains(v.Hosts(), h) {
			return false
		}
	}
	return true
}

// isListed reports whether a host, with its port, is allowed by the setting.
func (r *hostRules) isListed(host string) bool {
	for _, entry := range r.listed {
		if !entry.SRV() && slices.Contains(entry.Hosts(), host) {
			return true
		}
	}
	return false
}

// isOwn reports whether a host is in the task database's address, or among the
// members that the task database itself lists. An error says that it did not
// answer; the host is not in the address then.
func (r *hostRules) isOwn(ctx context.Context, host string) (bool, error) {
	own := r.ownURI()
	switch {
	case own == nil:
		return false, nil
	case !own.SRV() && slices.Contains(own.Hosts(), host):
		return true, nil
	case own.SRV() && inDomain(host, own.Hosts()[0]):
		return true, nil
	case r.ownClient == nil:
		return false, nil
	}
	members, err := r.ownMembers(ctx)
	return members[host], err
}

// mayDial decides about a host that a server or DNS named to the driver.
func (r *hostRules) mayDial(ctx context.Context, host string) bool {
	if r.isListed(host) {
		return true
	}
	if isOwn, _ := r.isOwn(ctx, host); isOwn {
		return true
	}
	for _, entry := range r.listed {
		if entry.SRV() && inDomain(host, entry.Hosts()[0]) {
			return true
		}
	}
	return false
}

// inDomain reports whether a host is in the domain that a mongodb+srv name
// speaks for: all after its first label, as in the rule of the driver.
func inDomain(host, srv string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return false
	}
	domain := srv
	if strings.Count(srv, ".") >= 2 {
		_, domain, _ = strings.Cut(srv, ".")
	}
	return strings.HasSuffix(name, "."+domain)
}

// ownMembers asks the task database, over its own connection, who its members
// are. Without an answer the last one counts.
func (r *hostRules) ownMembers(ctx context.Context) (map[string]bool, error) {
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if time.Now().Before(r.askAgain) {
		return r.members, r.membersErr
	}
	members, err := askMembers(ctx, r.ownClient)
	switch {
	case err == nil:
		r.members, r.membersErr, r.askAgain = members, nil, time.Now().Add(membersTTL)
	case ctx.Err() != nil: // says nothing about the database
		return r.members, err
	default:
		r.askAgain = time.Now().Add(membersRetry)
		if r.members == nil {
			r.membersErr = err
		}
	}
	return r.members, r.membersErr
}

// askMembers asks any member, since the set may be without a primary.
func askMembers(ctx context.Context, client *mongo.Client) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, membersTimeout)
	defer cancel()
	var hello struct {
		Hosts    []string `bson:"hosts"`
		Passives []string `bson:"passives"`
		Arbiters []string `bson:"arbiters"`
	}
	cmd := bson.D{{Key: "hello", Value: 1}}
	err := client.Database("admin").RunCommand(ctx, cmd, options.RunCmd().SetReadPreference(readpref.Nearest())).Decode(&hello)
	if err != nil {
		return nil, err
	}
	members := map[string]bool{}
	for _, h := range slices.Concat(hello.Hosts, hello.Passives, hello.Arbiters) {
		if u, err := mongouri.Parse("mongodb://" + h); err == nil {
			members[u.Hosts()[0]] = true
		}
	}
	return members, nil
}
