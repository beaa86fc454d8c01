package kwargs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongouri"
)

func TestBind(t *testing.T) {
	uri, client := own(t)
	b := newTestBinder(t, Options{})
	for _, v := range []any{client, client.Database("d"), client.Database("d").Collection("c")} {
		_, err := b.Encode(map[string]any{"a": []any{v}})
		if !errors.Is(err, ErrUnboundHandle) || !isEncodeError(err, "a.0") {
			t.Errorf("%T: error %v", v, err)
		}
	}
	if err := b.Bind(client, "mongodb://u:topsecret@h:1/x/y?tls=true&tlsCAFile=/ca&authSource=a"); err != nil {
		t.Fatal(err)
	}
	raw := encode(t, b, bson.D{{Key: "a", Value: client.Database("d").Collection("c/d@e?f g+%")}, {Key: "b", Value: client}, {Key: "n", Value: (*mongo.Client)(nil)}})
	if got := raw.Lookup("a").StringValue(); got != "mongodb://h:1/d/c%2Fd%40e%3Ff%20g%2B%25?tls=true" {
		t.Errorf("got %s", got)
	} else if u, err := mongouri.Parse(got); err != nil || u.Collection() != "c/d@e?f g+%" {
		t.Errorf("it reads as %q, %v", u.Collection(), err)
	}
	if got := raw.Lookup("b").StringValue(); got != "mongodb://h:1/?tls=true" || raw.Lookup("n").Type != bson.TypeNull {
		t.Errorf("got %s", raw)
	}
	for _, v := range []any{reflect.ValueOf(client).Elem().Interface(), client.Database("d").Collection("a$b"), client.Database("a.b")} {
		if _, err := b.Encode(map[string]any{"a": v}); !isEncodeError(err, "a") {
			t.Errorf("%T: error %v", v, err)
		}
	}

	// A client that came without its address can be told to be the own one.
	b = newTestBinder(t, Options{Own: client})
	if he := refusedWith[*HostError](t, b, at(t, uri, "kw")); he != nil && !strings.Contains(he.Error(), "not known") {
		t.Errorf("got %v", he)
	}
	if err := b.Bind(client, uri); err != nil {
		t.Fatal(err)
	}
	var h handles
	decode(t, b, doc(t, "db", at(t, uri, "kw")), &h)
	if h.DB.Client() != client {
		t.Error("the own client does not serve its hosts")
	}
}

// TestOwnMembers lets kwargs name members that only the task database knows.
func TestOwnMembers(t *testing.T) {
	uri, client := own(t)
	u, err := mongouri.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	members, err := askMembers(t.Context(), client)
	if err != nil || !members[u.Hosts()[0]] {
		t.Fatalf("members %v, want %v", members, u.Hosts())
	}
	// The address under another name than the one the set has in its list.
	b := newTestBinder(t, Options{Own: client, OwnURI: "mongodb://other-name:1/"})
	var h handles
	decode(t, b, doc(t, "coll", at(t, uri, "kw/c")), &h)
	if h.Coll.Database().Client() != client {
		t.Error("a member of the task database is not served by its client")
	}
	works(t, h.Coll)
	refusedWith[*HostError](t, b, "mongodb://127.0.0.1:9/")
}

// TestOwnDoesNotAnswer tells a host nobody can judge from one that is refused.
func TestOwnDoesNotAnswer(t *testing.T) {
	client := connect(t, "mongodb://u:"+lockedPassword+"@127.0.0.1:1/?serverSelectionTimeoutMS=50")
	b := newTestBinder(t, Options{Own: client, OwnURI: "mongodb://u:" + lockedPassword + "@127.0.0.1:1/", Hosts: []string{"listed"}})
	for range 2 { // the second answer is the first one, kept
		fe := decodeErr(t, b, doc(t, "any", "mongodb://127.0.0.1:2/"), &handles{})
		var he *HostError
		if !errors.Is(fe, ErrMembersUnknown) || errors.As(fe, &he) || !strings.Contains(fe.Error(), SettingHosts) {
			t.Errorf("got %v", fe)
		}
		noSecret(t, fe)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b = newTestBinder(t, Options{Own: client, OwnURI: "mongodb://127.0.0.1:1/"})
	release, err := b.Decode(ctx, doc(t, "any", "mongodb://127.0.0.1:2/"), &handles{})
	release()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: error %v", err)
	}
	if !b.hosts.askAgain.IsZero() {
		t.Error("the end of one call's context counts as an answer")
	}
	// Its own hosts and listed ones need no answer.
	var h handles
	decode(t, b, doc(t, "db", "mongodb://127.0.0.1:1/d"), &h)
}

func TestBindings(t *testing.T) {
	closed := 0
	open := func(_ context.Context, text string, want reflect.Type) (any, func(), error) {
		if strings.HasSuffix(text, "bad") {
			return nil, nil, errors.New("no such thing as https://u:topsecret@x/")
		}
		return strings.NewReader(text), func() { closed++ }, nil
	}
	file := Binding{Scheme: "File", Types: []reflect.Type{reflect.TypeFor[*strings.Reader]()}, Open: open,
		Text: func(v any) (string, error) { return fmt.Sprintf("file://%d", v.(*strings.Reader).Size()), nil }}
	type class struct {
		R  *strings.Reader
		IO io.Reader
		A  any
	}
	b := newTestBinder(t, Options{Bindings: []Binding{file, NoMagic()}})
	var c class
	release, err := b.Decode(t.Context(), doc(t, "r", "file://x", "io", "FILE://y", "a", "file://z"), &c)
	if err != nil {
		t.Fatal(err)
	}
	if c.R.Size() != 8 || c.IO.(*strings.Reader).Size() != 8 || c.A.(*strings.Reader).Size() != 8 {
		t.Errorf("got %+v", c)
	}
	if raw := encode(t, b, c); raw.Lookup("r").StringValue() != "file://8" || raw.Lookup("io").StringValue() != "file://8" {
		t.Errorf("got %s", raw)
	}
	release()
	release()
	if closed != 3 {
		t.Errorf("%d of 3 values released", closed)
	}
	if fe := decodeErr(t, b, doc(t, "r", "file://x", "a", "file://bad"), &c); closed != 4 {
		t.Errorf("after %v: %d of 4 values released", fe, closed)
	} else {
		noSecret(t, fe)
	}

	// mongodb:// is off.
	var h handles
	decode(t, b, doc(t, "any", "mongodb://anywhere/"), &h)
	if h.Any != "mongodb://anywhere/" {
		t.Errorf("got %v", h.Any)
	}
	if fe := decodeErr(t, b, doc(t, "db", "mongodb://anywhere/d"), &h); !strings.Contains(fe.Error(), "switched off") {
		t.Errorf("got %v", fe)
	}
	// A scheme whose binding gives other values.
	if fe := decodeErr(t, b, doc(t, "db", "file://x"), &h); fe.Got != "*strings.Reader" {
		t.Errorf("got %v", fe)
	}
}
