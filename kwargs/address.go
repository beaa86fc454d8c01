package kwargs

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Bounds of the clients that kwargs open. Longer times in an address are
// shortened to the second figure.
const (
	maxPoolSize      = 10
	connectTimeout   = 5 * time.Second
	selectionTimeout = 10 * time.Second
	maxSelection     = 30 * time.Second
	maxTimeout       = 10 * time.Minute
)

// allowedOptions are those that an address in kwargs may set. All others belong
// to the configuration: some read files (tlsCAFile), some weaken TLS, some send
// credentials of this machine to the server (MONGODB-AWS, MONGODB-OIDC, PLAIN).
var allowedOptions = map[string]bool{
	"appName": true, "authSource": true, "connectTimeoutMS": true, "directConnection": true,
	"readPreference": true, "replicaSet": true, "retryReads": true, "retryWrites": true,
	"serverSelectionTimeoutMS": true, "socketTimeoutMS": true, "ssl": true, "timeoutMS": true,
	"tls": true, "w": true,
}

func allowedOptionNames() []string {
	return slices.Sorted(maps.Keys(allowedOptions))
}

func optionNames(u *mongouri.URI) []string {
	return slices.Sorted(maps.Keys(u.Options()))
}

// refusedOptions lists the options of an address that kwargs may not set.
func refusedOptions(u *mongouri.URI) []string {
	return slices.DeleteFunc(optionNames(u), func(name string) bool { return allowedOptions[name] })
}

// checkOptions refuses options by the list, and tls=false where the
// configuration asks for TLS. The error is an *OptionError.
func checkOptions(u, base *mongouri.URI) error {
	if refused := refusedOptions(u); len(refused) > 0 {
		return &OptionError{Option: refused[0]}
	}
	if base == nil {
		return nil
	}
	for _, name := range []string{"tls", "ssl"} {
		if u.Options().Get(name) == "false" && wantsTLS(base) {
			return &OptionError{Option: name, Reason: "the configuration asks for TLS to this host"}
		}
	}
	return nil
}

// wantsTLS reports whether an address of the configuration asks for TLS.
func wantsTLS(u *mongouri.URI) bool {
	o := u.Options()
	if v := o.Get("tls") + o.Get("ssl"); v != "" {
		return v == "true"
	}
	return u.SRV() || slices.ContainsFunc(optionNames(u), func(name string) bool {
		return strings.HasPrefix(name, "tls") || strings.HasPrefix(name, "ssl")
	})
}

// addsNothing reports whether an address carries no option and no credentials
// that base has not in the same form, so that base's client can serve it.
func addsNothing(u, base *mongouri.URI) bool {
	if user, password, ok := u.User(); ok {
		baseUser, basePassword, _ := base.User()
		if user != baseUser || password != basePassword {
			return false
		}
	}
	have := base.Options()
	return !slices.ContainsFunc(slices.Collect(maps.Keys(u.Options())), func(name string) bool {
		return !sameValues(u.Options(), have, name)
	})
}

func sameValues(a, b url.Values, name string) bool {
	return slices.Equal(a[name], b[name])
}

// clientKey says which addresses share a client: those with the same hosts,
// credentials and options, whatever database they name. It is a hash, since what
// goes into it are secrets.
func clientKey(u *mongouri.URI, t trust) string {
	bare := u
	if c, err := u.WithDatabase(""); err == nil {
		bare = c
	}
	key := bare.Driver()
	if t.base != nil {
		key += "\n" + t.base.Driver()
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// clientOptions layers an address over the configuration's address for the same
// hosts. What protects the connection is the configuration's where it says
// anything; credentials are the address's own if it carries some.
func clientOptions(u *mongouri.URI, t trust, rules *hostRules) *options.ClientOptions {
	opts := options.Client()
	var tlsOfBase *tls.Config
	if t.base != nil {
		opts.ApplyURI(t.base.Driver())
		tlsOfBase = opts.TLSConfig
	}
	if _, _, ok := u.User(); !ok {
		u = u.WithoutOptions("authSource")
	}
	opts.ApplyURI(u.Driver())
	if tlsOfBase != nil {
		opts.SetTLSConfig(tlsOfBase)
	}
	opts.SetConnectTimeout(atMost(opts.ConnectTimeout, connectTimeout, connectTimeout))
	opts.SetServerSelectionTimeout(atMost(opts.ServerSelectionTimeout, selectionTimeout, maxSelection))
	if opts.Timeout != nil {
		opts.SetTimeout(atMost(opts.Timeout, maxTimeout, maxTimeout))
	}
	if opts.AppName == nil {
		opts.SetAppName("lgtask")
	}
	return opts.
		SetMaxPoolSize(maxPoolSize).SetMinPoolSize(0).
		SetServerMonitoringMode("poll").   // one socket a server less
		SetDisableOCSPEndpointCheck(true). // a server's certificate names that address
		SetDialer(guardedDialer{rules: rules, timeout: connectTimeout})
}

// atMost bounds a time that an address may have set; 0 would mean for ever.
func atMost(d *time.Duration, unset, most time.Duration) time.Duration {
	if d == nil {
		return unset
	}
	if *d <= 0 || *d > most {
		return most
	}
	return *d
}
