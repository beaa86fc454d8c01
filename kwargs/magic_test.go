package kwargs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/internal/mongouri"
)

type handles struct {
	Coll   *mongo.Collection
	DB     *mongo.Database
	Client *mongo.Client
	Any    any
	Text   string
	List   []*mongo.Collection
	Map    map[string]*mongo.Database
	Deep   struct{ Coll *mongo.Collection }
	Anys   []any
}

func TestMagicByURLAndType(t *testing.T) {
	uri, client := own(t)
	b := newTestBinder(t, Options{Own: client, OwnURI: uri})
	coll, db, root := at(t, uri, "kw/c.x"), at(t, uri, "kw"), at(t, uri, "")
	raw := doc(t, "coll", coll, "db", db, "client", root, "any", coll, "text", coll, "list", bson.A{coll, coll},
		"map", bson.D{{Key: "a", Value: db}}, "deep", bson.D{{Key: "coll", Value: coll}}, "anys", bson.A{coll})
	var h handles
	decode(t, b, raw, &h)
	for _, c := range []*mongo.Collection{h.Coll, h.Any.(*mongo.Collection), h.List[1], h.Deep.Coll} {
		if c.Name() != "c.x" || c.Database().Name() != "kw" || c.Database().Client() != client {
			t.Errorf("got %s.%s", c.Database().Name(), c.Name())
		}
	}
	if h.DB.Name() != "kw" || h.Map["a"].Name() != "kw" || h.Client == nil || h.Client == client || h.Text != coll || h.Anys[0] != coll {
		t.Errorf("got %+v", h)
	}
	works(t, h.Coll)
	works(t, h.Client.Database("kw").Collection("c"))

	again := encode(t, b, h)
	same := encode(t, b, bson.D{{Key: "a", Value: coll}, {Key: "b", Value: db}, {Key: "c", Value: root}})
	if again.Lookup("coll").StringValue() != same.Lookup("a").StringValue() || again.Lookup("map", "a").StringValue() != db ||
		again.Lookup("client").StringValue() != root || again.Lookup("deep", "coll").StringValue() != coll {
		t.Errorf("got %s", again)
	}

	var m map[string]any
	decode(t, b, doc(t, "c", coll, "d", db, "deep", bson.D{{Key: "c", Value: coll}}, "s", "mongodb", "o", "https://x"), &m)
	if reflect.TypeOf(m["c"]) != typeCollection || reflect.TypeOf(m["d"]) != typeDatabase || m["deep"].(map[string]any)["c"] != coll || m["o"] != "https://x" {
		t.Errorf("got %+v", m)
	}
	var texts map[string]string
	decode(t, b, doc(t, "c", coll), &texts)
	if texts["c"] != coll {
		t.Errorf("got %v", texts)
	}
}

func TestMagicDisagreement(t *testing.T) {
	uri, client := own(t)
	b := newTestBinder(t, Options{Own: client, OwnURI: uri})
	for _, c := range []struct {
		field       string
		value       any
		want, words string
	}{
		{"coll", at(t, uri, "kw"), "*mongo.Collection (mongodb://host/database/collection)", "stands for a *mongo.Database"},
		{"db", at(t, uri, "kw/c"), "*mongo.Database (mongodb://host/database)", "stands for a *mongo.Collection"},
		{"client", at(t, uri, "kw"), "*mongo.Client (mongodb://host/)", "stands for a *mongo.Database"},
		{"coll", "topsecret", "*mongo.Collection", "no address that a binding knows"},
		{"coll", 5, "*mongo.Collection", "32-bit integer"},
		{"db", "mongodb://u:topsecret", "*mongo.Database", "port"},
		{"any", "mongodb://u:topsecret@h/a/b/c", "interface {}", "more than two parts"},
		{"any", "mongodb://", "interface {}", "no host"},
	} {
		fe := decodeErr(t, b, doc(t, c.field, c.value), &handles{})
		if fe.Field != c.field || fe.Want != c.want || !strings.Contains(fe.Error(), c.words) {
			t.Errorf("%s %v: %v", c.field, c.value, fe)
		}
		noSecret(t, fe)
	}
}

func TestOwnWithPassword(t *testing.T) {
	uri := locked(t)
	client := connect(t, uri)
	b := newTestBinder(t, Options{Own: client, OwnURI: uri})
	var h handles
	decode(t, b, doc(t, "coll", at(t, uri, "kw/c"), "client", at(t, uri, ""), "any", at(t, uri, "kw/c?appName=mine&retryWrites=false")), &h)
	works(t, h.Coll)
	works(t, h.Client.Database("kw").Collection("c"))
	separate := h.Any.(*mongo.Collection)
	works(t, separate)
	if separate.Database().Client() == client {
		t.Error("an address with options got the task database's client")
	}

	// The address's own credentials come first, and are not written back.
	withUser := strings.Replace(at(t, uri, "kw/c?authSource=admin"), "://", "://"+lockedUser+":"+lockedPassword+"@", 1)
	wrong := strings.Replace(at(t, uri, "kw/c?serverSelectionTimeoutMS=9000"), "://", "://keeper:wrong@", 1)
	var u handles
	decode(t, b, doc(t, "coll", withUser, "any", wrong), &u)
	works(t, u.Coll)
	if _, err := u.Any.(*mongo.Collection).EstimatedDocumentCount(t.Context()); err == nil || !strings.Contains(err.Error(), "auth") {
		t.Errorf("wrong credentials in the address: error %v", err)
	}
	raw := encode(t, b, []*handles{&h, &u}[1])
	if strings.Contains(raw.String(), lockedPassword) || strings.Contains(raw.String(), lockedUser) {
		t.Errorf("credentials in %s", raw)
	}
	if text := encode(t, b, h).Lookup("any").StringValue(); text != at(t, uri, "kw/c?appName=mine&retryWrites=false") {
		t.Errorf("got %s", text)
	}
	for _, v := range []any{b, b.hosts, b.clients} {
		if s := fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(s, lockedPassword) {
			t.Errorf("the password is in %%v of a %T", v)
		}
	}
}

func TestListedHosts(t *testing.T) {
	ownURI, client := own(t)
	other := locked(t)
	secret, err := mongouri.Parse(other)
	if err != nil {
		t.Fatal(err)
	}

	b := newTestBinder(t, Options{Own: client, OwnURI: ownURI})
	he := refusedWith[*HostError](t, b, at(t, other, "kw/c"))
	if he.Host != host(t, other) || !strings.Contains(he.Error(), SettingHosts) {
		t.Errorf("got %v", he)
	}

	// Listed by name: allowed, without credentials.
	b = newTestBinder(t, Options{Own: client, OwnURI: ownURI, Hosts: []string{host(t, other)}})
	var h handles
	decode(t, b, doc(t, "coll", at(t, other, "kw/c")), &h)
	if _, err := h.Coll.InsertOne(t.Context(), bson.D{}); err == nil || !strings.Contains(err.Error(), "auth") {
		t.Errorf("without credentials: error %v", err)
	}

	// Listed as an address: with its credentials.
	b = newTestBinder(t, Options{Own: client, OwnURI: ownURI, Hosts: []string{"elsewhere:1", secret.Driver()}})
	decode(t, b, doc(t, "coll", at(t, other, "kw/c"), "client", at(t, other, "?readPreference=secondaryPreferred")), &h)
	works(t, h.Coll)
	works(t, h.Client.Database("kw").Collection("c"))
	raw := encode(t, b, h)
	if raw.Lookup("coll").StringValue() != at(t, other, "kw/c") || raw.Lookup("client").StringValue() != at(t, other, "?readPreference=secondaryPreferred") {
		t.Errorf("got %s", raw)
	}

	// An address that mixes deployments gets nobody's credentials.
	mixed := "mongodb://" + host(t, ownURI) + "," + host(t, other) + "/kw/c"
	u, err := mongouri.Parse(mixed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.hosts.judge(t.Context(), u); err != nil || got.own || got.base != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadConfiguration(t *testing.T) {
	for _, o := range []Options{
		{OwnURI: "mongodb://u:topsecret"}, {OwnURI: "http://x"}, {Hosts: []string{"ok", "a/b"}}, {Hosts: []string{"u:topsecret@h"}},
		{Hosts: []string{"mongodb://u:topsecret@h/%zz"}}, {Hosts: []string{""}}, {Hosts: []string{"h:0"}}, {MaxClients: -1},
		{Bindings: []Binding{{}}}, {Bindings: []Binding{{Scheme: "a b"}}}, {Bindings: []Binding{{Scheme: "x", Types: []reflect.Type{reflect.TypeFor[string]()}}}},
		{Bindings: []Binding{{Scheme: "x", Types: []reflect.Type{nil}}}}, {Bindings: []Binding{{Scheme: "x", Types: []reflect.Type{typeClient}}}},
	} {
		b, err := NewBinder(o)
		if err == nil || b != nil {
			t.Errorf("%+v: no error", o.Bindings)
		}
		noSecret(t, err)
	}
	b := newTestBinder(t, Options{})
	if err := b.Bind(nil, "mongodb://h/"); err == nil {
		t.Error("Bind takes a nil client")
	}
	if err := b.Bind(&mongo.Client{}, "mongodb://u:topsecret"); err == nil {
		t.Error("Bind takes a bad address")
	} else {
		noSecret(t, err)
	}
}

func TestRefusedOptions(t *testing.T) {
	b := newTestBinder(t, Options{Hosts: []string{"h", "mongodb://t/?tls=true"}})
	for option, name := range map[string]string{
		"tlsCAFile=/etc/passwd": "tlsCAFile", "tlsInsecure=true": "tlsInsecure", "compressors=zlib": "compressors", "maxPoolSize=1000": "maxPoolSize",
		"authMechanism=PLAIN": "authMechanism", "authMechanism=MONGODB-AWS": "authMechanism", "loadBalanced=true": "loadBalanced", "srvMaxHosts=2": "srvMaxHosts",
		"tlsCertificateKeyFile=/k": "tlsCertificateKeyFile", "readConcernLevel=local": "readConcernLevel", "readPreferenceTags=dc:x": "readPreferenceTags",
	} {
		var c struct{ X any }
		release, err := b.Decode(t.Context(), doc(t, "x", "mongodb://u:topsecret@h/?"+option), &c)
		release()
		noSecret(t, err)
		var oe *OptionError
		if errors.As(err, &oe) && oe.Option != name || err == nil || !strings.Contains(err.Error(), name) {
			// What the driver itself does not accept is refused before, by name or not.
			if err == nil || !strings.Contains(err.Error(), "driver") {
				t.Errorf("%s: error %v", option, err)
			}
		}
	}
	if oe := refusedWith[*OptionError](t, b, "mongodb://t/?tls=false"); oe != nil && oe.Option != "tls" {
		t.Errorf("got %v", oe)
	}
	for _, option := range []string{"proxyHost=x", "foo=topsecret", "w=0"} {
		refusedWith[*mongouri.Error](t, b, "mongodb://h/?"+option)
	}
	var h handles
	decode(t, b, doc(t, "client", "mongodb://h/?replicaSet=r&authSource=a&tls=true&readPreference=nearest&w=2&appName=x&directConnection=false&retryWrites=true&retryReads=true&timeoutMS=5"), &h)
}

func TestClientOptions(t *testing.T) {
	rules, err := newHostRules(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	build := func(address, base string) *options.ClientOptions {
		u, err := mongouri.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		var tr trust
		if base != "" {
			if tr.base, err = mongouri.Parse(base); err != nil {
				t.Fatal(err)
			}
		}
		return clientOptions(u, tr, rules)
	}
	o := build("mongodb://h/?connectTimeoutMS=999999&serverSelectionTimeoutMS=0&timeoutMS=99999999&authSource=x", "mongodb://u:p@h/db?tls=true&tlsInsecure=true&directConnection=true&maxPoolSize=500&minPoolSize=5")
	if *o.ConnectTimeout != connectTimeout || *o.ServerSelectionTimeout != maxSelection || *o.Timeout != maxTimeout || *o.MaxPoolSize != maxPoolSize || *o.MinPoolSize != 0 {
		t.Errorf("times %v %v %v, pool %d %d", *o.ConnectTimeout, *o.ServerSelectionTimeout, *o.Timeout, *o.MinPoolSize, *o.MaxPoolSize)
	}
	if o.Auth == nil || o.Auth.Username != "u" || o.Auth.AuthSource != "db" || o.TLSConfig == nil || !o.TLSConfig.InsecureSkipVerify || !*o.Direct || o.Dialer == nil || !*o.DisableOCSPEndpointCheck {
		t.Errorf("got auth %+v, TLS %v", o.Auth, o.TLSConfig)
	}
	o = build("mongodb://a:b@h/db?connectTimeoutMS=100&tls=true&authSource=x", "mongodb://u:p@h/?tls=true&tlsInsecure=true")
	if *o.ConnectTimeout != 100*time.Millisecond || o.Auth.Username != "a" || o.Auth.AuthSource != "x" || !o.TLSConfig.InsecureSkipVerify {
		t.Errorf("got auth %+v, TLS %v", o.Auth, o.TLSConfig)
	}
	if o = build("mongodb://h/", ""); o.Auth != nil || o.TLSConfig != nil || *o.AppName != "lgtask" || *o.ServerSelectionTimeout != selectionTimeout {
		t.Errorf("got %+v", o)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}
