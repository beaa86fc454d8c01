package kwargs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// DefaultMaxClients is how many deployments a Binder holds open at most.
const DefaultMaxClients = 8

// Options configure a Binder. The zero value works: no host is allowed then.
type Options struct {
	// Own is the client of the task database. Addresses of a database or a
	// collection on its hosts are served by it, so that a handler's transaction
	// can enqueue tasks. The Binder never disconnects it. May be nil.
	Own *mongo.Client

	// OwnURI is the address of the task database, with its credentials. If
	// empty, no host counts as the task database's own until Bind tells it.
	OwnURI string

	// Hosts are the other hosts that kwargs may name: "host" (port 27017),
	// "host:port", or full addresses, whose credentials and options are then
	// used. A mongodb+srv address also allows the servers that DNS gives for
	// it, if they are in its domain.
	Hosts []string

	// Bindings add, replace or switch off conversions.
	Bindings []Binding

	// MaxClients is how many deployments are held open at most; 0 means
	// DefaultMaxClients.
	MaxClients int
}

// Binder encodes and decodes kwargs. It is safe for concurrent use.
type Binder struct {
	bindings *bindings
	hosts    *hostRules
	clients  *clientCache
	plans    sync.Map  // reflect.Type → *plan
	writers  sync.Pool // of *writer
	decoders sync.Pool // of *decoder

	mu        sync.RWMutex
	addresses map[*mongo.Client]*mongouri.URI // without credentials
}

// NewBinder checks the options and opens nothing. It returns an error if an
// address, a host or a binding is not valid; no error shows a secret.
func NewBinder(opts Options) (*Binder, error) {
	b := &Binder{addresses: map[*mongo.Client]*mongouri.URI{}}
	builtin := Binding{Scheme: schemeMongo, Types: handleTypes, Open: b.openMongo, Text: b.mongoText}
	var err error
	if b.bindings, err = newBindings(append([]Binding{builtin}, opts.Bindings...)); err != nil {
		return nil, err
	}
	if b.hosts, err = newHostRules(opts.Own, opts.Hosts); err != nil {
		return nil, err
	}
	switch {
	case opts.MaxClients < 0:
		return nil, fmt.Errorf("MaxClients is %d: it must be positive, or 0 for %d", opts.MaxClients, DefaultMaxClients)
	case opts.MaxClients == 0:
		opts.MaxClients = DefaultMaxClients
	}
	b.clients = newClientCache(opts.MaxClients, b.forget)
	encoding := newEncodeRegistry(b.bindings.types, b.encodeBound)
	b.writers.New = func() any { return newWriter(b, encoding) }
	b.decoders.New = func() any { return newDecoder(b) }
	if opts.OwnURI != "" {
		own, err := mongouri.Parse(opts.OwnURI)
		if err != nil {
			return nil, fmt.Errorf("the address of the task database: %w", err)
		}
		b.hosts.setOwn(own)
		b.remember(opts.Own, own.WithoutOptions(optionNames(own)...))
	}
	return b, nil
}

// Bind tells the address of a client that the caller made, so that Encode can
// write its handles. If the client is Options.Own, the address also says which
// hosts and credentials are the task database's own. The Binder keeps the client
// reachable and never disconnects it. It returns an error if the client is nil
// or the address not valid.
func (b *Binder) Bind(client *mongo.Client, uri string) error {
	if client == nil {
		return errors.New("bind a MongoDB client: it is nil")
	}
	u, err := mongouri.Parse(uri)
	if err != nil {
		return fmt.Errorf("bind a MongoDB client: %w", err)
	}
	if client == b.hosts.ownClient {
		b.hosts.setOwn(u)
		u = u.WithoutOptions(optionNames(u)...)
	}
	b.remember(client, u.WithoutOptions(refusedOptions(u)...))
	return nil
}

// Close disconnects the clients that the Binder opened, also those in use, and
// waits for it at most as long as ctx allows. Decode refuses addresses then.
func (b *Binder) Close(ctx context.Context) error {
	return mongouri.RedactError(b.clients.close(ctx))
}

// String tells nothing, so that no verb of fmt shows what the Binder knows.
func (b *Binder) String() string { return "kwargs.Binder" }

// GoString is String.
func (b *Binder) GoString() string { return b.String() }

// remember notes the address under which handles of a client are encoded.
func (b *Binder) remember(client *mongo.Client, u *mongouri.URI) {
	if client == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addresses[client] = u
}

func (b *Binder) forget(client *mongo.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.addresses, client)
}

func (b *Binder) addressOf(client *mongo.Client) (*mongouri.URI, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, ok := b.addresses[client]
	return u, ok
}

// boundText gives the text of a value that a binding converts; bound is false
// for all other values.
func (b *Binder) boundText(v reflect.Value) (text string, bound bool, err error) {
	switch v.Kind() {
	case reflect.Bool, reflect.String, reflect.Interface:
		return "", false, nil
	}
	convert, ok := b.bindings.texts[v.Type()]
	if !ok {
		return "", false, nil
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "", true, nil
	}
	if convert == nil {
		return "", true, errors.New("its binding has no way back to text")
	}
	text, err = convert(v.Interface())
	if err == nil && strings.ContainsRune(text, 0) {
		err = errors.New("the text of its binding contains a NUL")
	}
	return text, true, err
}

func (b *Binder) encodeBound(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return vw.WriteNull()
	}
	text, _, err := b.boundText(v)
	if err != nil {
		return err
	}
	return vw.WriteString(text)
}
