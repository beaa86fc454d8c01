package mongouri

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func must(t *testing.T, text string) *URI {
	t.Helper()
	u, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return u
}

const full = "mongodb://bob:pAsSw0rd@a:1,b/db/coll?tls=true&tlsCertificateKeyFile=/k.pem&tlsCertificateKeyFilePassword=KeYpAsS" +
	"&authMechanismProperties=AWS_SESSION_TOKEN:ToKeN&authMechanism=MONGODB-AWS&appName=x&replicaSet=rs0"

func TestNothingShowsSecrets(t *testing.T) {
	u := must(t, full)
	encoded, err := json.Marshal(map[string]any{"u": u})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{u.String(), string(encoded), u.Options().Encode(), strings.Join(u.Hosts(), " "),
		fmt.Sprint(u), fmt.Sprintf("%v %+v %#v %s %q %x", u, u, u, u, u, u),
		fmt.Sprintf("%v %+v %#v", *u, *u, *u), fmt.Sprintf("%+v %#v", struct{ U *URI }{u}, []*URI{u})}
	for _, text := range shown {
		for _, secret := range []string{"bob", "pAsSw0rd", "KeYpAsS", "ToKeN", fmt.Sprintf("%x", "pAsSw0rd")} {
			if strings.Contains(text, secret) {
				t.Errorf("%q contains %q", text, secret)
			}
		}
	}
	if want := "mongodb://a:1,b:27017/db/coll?tls=true&appName=x&replicaSet=rs0"; u.String() != want {
		t.Errorf("String() = %q, want %q", u, want)
	}
	if got := u.Options().Get("tlsCertificateKeyFilePassword"); got != Mask {
		t.Errorf("Options() has %q for a secret", got)
	}
	if got := u.Options().Get("replicaSet"); got != "rs0" {
		t.Errorf("Options() has %q for replicaSet", got)
	}
	for _, part := range []string{"bob:pAsSw0rd@", "KeYpAsS", "ToKeN", "/db?"} {
		if !strings.Contains(u.Driver(), part) {
			t.Errorf("Driver() = %q lacks %q", u.Driver(), part)
		}
	}
}

func TestWithCredentialsOf(t *testing.T) {
	tests := []struct{ name, uri, other, want string }{
		{"implied authSource", "mongodb://h/x/c", "mongodb://u:p@h/tasks", "mongodb://u:p@h:27017/x?authSource=tasks"},
		{"no database", "mongodb://h/x", "mongodb://u:p@h", "mongodb://u:p@h:27017/x"},
		{"explicit", "mongodb://h/x", "mongodb://u:p@h/tasks?authSource=admin&authMechanism=SCRAM-SHA-1",
			"mongodb://u:p@h:27017/x?authSource=admin&authMechanism=SCRAM-SHA-1"},
		{"x509", "mongodb://h/x", "mongodb://u@h/tasks?authMechanism=MONGODB-X509&tlsCertificateKeyFile=/k",
			"mongodb://u@h:27017/x?authMechanism=MONGODB-X509&tlsCertificateKeyFile=%2Fk"},
		{"own credentials go", "mongodb://v:q@h/x?authSource=y", "mongodb://h", "mongodb://h:27017/x"},
		{"TLS from other", "mongodb://h/x?tls=false", "mongodb://u:p@h/?tls=true&tlsCAFile=/ca",
			"mongodb://u:p@h:27017/x?tls=true&tlsCAFile=%2Fca"},
		{"gadgets go", "mongodb://h/x?tlsInsecure=true&tls=true", "mongodb://u:p@h", "mongodb://u:p@h:27017/x?tls=true"},
		{"srv implies TLS", "mongodb://h/x", "mongodb+srv://u:p@c", "mongodb://u:p@h:27017/x?tls=true"},
		{"options stay", "mongodb://h/x?replicaSet=rs", "mongodb://u:p@h", "mongodb://u:p@h:27017/x?replicaSet=rs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, other := must(t, tt.uri), must(t, tt.other)
			before := other.Driver() + u.Driver()
			if got := u.WithCredentialsOf(other).Driver(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if other.Driver()+u.Driver() != before {
				t.Error("an argument was changed")
			}
		})
	}
}

func TestForTasks(t *testing.T) {
	u := must(t, "mongodb://h/db?readPreference=secondary&retryWrites=false&w=1&journal=false&replicaSet=rs&timeoutMS=5&maxStalenessSeconds=90")
	if got, want := u.ForTasks().Driver(), "mongodb://h:27017/db?replicaSet=rs"; got != want {
		t.Errorf("ForTasks() = %q, want %q", got, want)
	}
	want := []string{"journal", "maxStalenessSeconds", "readPreference", "retryWrites", "timeoutMS", "w"}
	if got := u.Overridden(); !slices.Equal(got, want) {
		t.Errorf("Overridden() = %q, want %q", got, want)
	}
	if got := u.WithoutOptions("REPLICASET").Options(); got.Has("replicaSet") {
		t.Error("replicaSet is still there")
	}
}

func TestWithDatabase(t *testing.T) {
	u := must(t, "mongodb://u:p@h/a/c")
	v, err := u.WithDatabase("b")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := v.Driver(), "mongodb://u:p@h:27017/b?authSource=a"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if v.HasCollection() {
		t.Error("the collection is still there")
	}
	if _, err := u.WithDatabase("a.b"); err == nil {
		t.Error("a.b was accepted")
	}
	if v, err := u.WithDatabase(""); err != nil || v.HasDatabase() {
		t.Errorf("WithDatabase(\"\") = %v, %v", v, err)
	}
}
